// What must not compile of management, tokens and readers. It is never run, like mistakes.ts.
import {
  createTwinkey,
  type Decision,
  type Json,
  type Refusal,
  routeTemplate,
  type TwinkeyEvent,
} from 'twinkey'
import { requireAuth as guardExpress, param, query } from 'twinkey/express'
import { requireAuth as guardHono } from 'twinkey/hono'

interface Plan extends Record<string, Json> {
  readonly plan: 'free' | 'paid'
}

const { keys, tokens } = createTwinkey<Plan>()
const scope = { tenants: ['t1'] } as const
const digest = { digest: '', encoding: 'hex', algorithm: 'sha-256', entropyBits: 256 } as const

// @ts-expect-error: metadata is JSON
createTwinkey<{ made: Date }>()
// @ts-expect-error: a date is no epoch milliseconds
void keys.create({ name: 'one', scope, expiresAt: new Date() })
// @ts-expect-error: a reach is '*' or a list
void keys.create({ name: 'one', scope: { tenants: 't1' } })
// @ts-expect-error: a secondary is asked for or not; it is never handed in
void keys.create({ name: 'one', scope, secondary: 'secret' })
// @ts-expect-error: who does it has a name
void keys.create({ name: 'one', scope, actor: { id: 7 } })
// @ts-expect-error: an axis that does not exist
void keys.update('id', { scope: { regions: ['eu'] } })
// @ts-expect-error: keys are switched by enable and disable
void keys.update('id', { enabled: false })
// @ts-expect-error: a rotation replaces a secondary only
void keys.rotate('id', { replace: 'primary' })
// @ts-expect-error: a state that does not exist
void keys.list({ state: 'expired' })
// @ts-expect-error: a page ends by a number of keys
void keys.list({ limit: '50' })
// @ts-expect-error: nobody is named
void keys.revokeAll({})
// @ts-expect-error: one of the two
void keys.revokeAll({ owner: 'ada', tenant: 't1' })
// @ts-expect-error: a slot is named
void keys.regenerate('id')
// @ts-expect-error: an import brings its secrets
void keys.import({ name: 'one', scope })
// @ts-expect-error: how strong an imported secret is must be stated
void keys.import({ name: 'one', scope, primary: { secret: 'x'.repeat(40) } })
// @ts-expect-error: a digest that is no look-up digest
void keys.import({ name: 'one', scope, primary: { ...digest, algorithm: 'md5' } })
// @ts-expect-error: an encoding that does not exist
void keys.import({ name: 'one', scope, primary: { ...digest, encoding: 'utf8' } })
// @ts-expect-error: metadata of another type
void keys.import({ name: 'one', scope, primary: digest, metadata: { plan: 'gold' } })
// @ts-expect-error: a verification takes the secret, not the request
void keys.verify(new Request('http://localhost'))

void keys.get('id').then((key) => {
  // @ts-expect-error: there may be no such key
  key.name
  // @ts-expect-error: no digest is ever shown
  key?.primary.digest
  // @ts-expect-error: a key may have no secondary
  key?.secondary.hint
  return key?.metadata.plan satisfies 'free' | 'paid' | undefined
})
void keys.create({ name: 'one', scope }).then(({ key, secondary }) => {
  // @ts-expect-error: a key can be made without one
  secondary.length
  // @ts-expect-error: what is shown of a key cannot be changed
  key.name = 'two'
})

// @ts-expect-error: a unit that does not exist
void tokens.issue('secret', { lifetimeMinutes: 5 })
// @ts-expect-error: scope is an object, not an OAuth scope string
void tokens.issue('secret', { scope: 'workflow:customers.read' })
void tokens.issue('secret').then((issued) => {
  // @ts-expect-error: before `ok` is looked at, there may be no token
  issued.token
  return issued.ok ? issued.token : issued.refusal.code
})

declare const twinkey: ReturnType<typeof createTwinkey>
// @ts-expect-error: a reader is told what it reads
guardExpress(twinkey, { tenant: param() })
// @ts-expect-error: what decides is a Twinkey or a verifier
guardExpress(keys, {})
// @ts-expect-error: a reader is made by calling it
guardExpress(twinkey, { workflow: routeTemplate })
// @ts-expect-error: a reader answers a name, not a promise of one
guardHono(twinkey, { tenant: async () => 't1' })
// @ts-expect-error: a name is a text
guardHono(twinkey, { tenant: query(7) })

/** A decision is one or the other, and codes are those of the closed list. */
export function read(decision: Decision<Plan>, refusal: Refusal, event: TwinkeyEvent): unknown {
  // @ts-expect-error: a code that does not exist
  if (refusal.code === 'forbidden') return refusal
  // @ts-expect-error: an event that does not exist
  if (event.type === 'key.expired') return event
  // @ts-expect-error: only a token that was issued has an id
  if (event.type === 'key.created') return event.tokenId
  // @ts-expect-error: where there is a principal, there is no refusal
  if (decision.ok) return decision.refusal
  return decision.refusal.detail
}
