// Management, tokens and readers: code that must not compile. Like mistakes.ts, it is never run.
import {
  createTwinkey,
  type Decision,
  from,
  type Json,
  type Refusal,
  type TwinkeyEvent,
} from 'twinkey'
import { requireAuth as guardExpress } from 'twinkey/express'
import { requireAuth as guardHono } from 'twinkey/hono'

interface Plan extends Record<string, Json> {
  readonly plan: 'free' | 'paid'
}

const { keys, tokens } = createTwinkey<Plan>()
const scope = { tenants: ['t1'], workflows: '*' } as const
const digest = { digest: '', encoding: 'hex', algorithm: 'sha-256', entropyBits: 256 } as const

// @ts-expect-error: metadata is JSON
createTwinkey<{ made: Date }>()
// @ts-expect-error: a time is a Date or epoch milliseconds, not text
void keys.create({ name: 'one', scope, expiresAt: '2027-01-01T00:00:00Z' })
// @ts-expect-error: an axis is '*' or a list
void keys.create({ name: 'one', scope: { tenants: 't1', workflows: '*' } })
// @ts-expect-error: secondary is a boolean, as secrets are always generated
void keys.create({ name: 'one', scope, secondary: 'secret' })
// @ts-expect-error: an actor is a name
void keys.create({ name: 'one', scope, actor: { id: 7 } })
// @ts-expect-error: an axis that does not exist
void keys.update('id', { scope: { regions: ['eu'] } })
// @ts-expect-error: enable and disable set this state
void keys.update('id', { enabled: false })
// @ts-expect-error: a rotation replaces only a secondary
void keys.rotate('id', { replace: 'primary' })
// @ts-expect-error: a state that does not exist
void keys.list({ state: 'enabled' })
// @ts-expect-error: a limit is a number
void keys.list({ limit: '50' })
// @ts-expect-error: an owner or a tenant is required
void keys.revokeAll({})
// @ts-expect-error: either an owner or a tenant
void keys.revokeAll({ owner: 'ada', tenant: 't1' })
// @ts-expect-error: an order that does not exist
void keys.list({ sort: 'name' })
// @ts-expect-error: a cursor is not a page number
void keys.list({ cursor: 2 })
// @ts-expect-error: the slots are required
void keys.renew('id')
// @ts-expect-error: a slot that does not exist
void keys.renew('id', { slots: 'tertiary' })
// @ts-expect-error: a version is a number
void keys.disable('id', { expectedVersion: '5' })
// @ts-expect-error: workflows must be written out
void keys.create({ name: 'one', scope: { tenants: ['t1'] } })
// @ts-expect-error: tenants must be given
void keys.create({ name: 'one', scope: { workflows: '*' } })
// @ts-expect-error: a limited keyring names its actor
keys.within({ owner: 'ada' })
// @ts-expect-error: a right that does not exist
keys.within({ actor: 'ada', can: ['write'] })
// @ts-expect-error: what is grantable has all axes
keys.within({ actor: 'ada', grantable: { tenants: ['t1'] } })
// @ts-expect-error: a limited keyring cannot be widened
keys.within({ actor: 'ada' }).within({ actor: 'ada' })
// @ts-expect-error: a consumer has no cursor beside its place
void keys.history({ after: 0, cursor: 'x' })

// Only the renewed slots have a new secret.
void keys
  .renew('id', { slots: 'primary' })
  .then(({ primary, secondary }): [string, null] => [primary, secondary])
// @ts-expect-error: the secondary secret was not renewed
void keys.renew('id', { slots: 'primary' }).then(({ secondary }): string => secondary)
void keys
  .renew('id', { slots: 'both' })
  .then(({ primary, secondary }): string[] => [primary, secondary])
// @ts-expect-error: an import requires a secret
void keys.import({ name: 'one', scope })
// @ts-expect-error: an imported secret requires its entropy
void keys.import({ name: 'one', scope, primary: { secret: 'x'.repeat(40) } })
// @ts-expect-error: an unsupported algorithm
void keys.import({ name: 'one', scope, primary: { ...digest, algorithm: 'md5' } })
// @ts-expect-error: an encoding that does not exist
void keys.import({ name: 'one', scope, primary: { ...digest, encoding: 'utf8' } })
// @ts-expect-error: metadata of another type
void keys.import({ name: 'one', scope, primary: digest, metadata: { plan: 'gold' } })
// @ts-expect-error: a verification takes the secret, not the request
void keys.verify(new Request('http://localhost'))

void keys.get('id').then((key) => {
  // @ts-expect-error: the key may not exist
  key.name
  // @ts-expect-error: a digest is never returned
  key?.primary.digest
  // @ts-expect-error: a key may have no secondary
  key?.secondary.hint
  return key?.metadata.plan satisfies 'free' | 'paid' | undefined
})
void keys.create({ name: 'one', scope }).then(({ key, secondary }) => {
  // @ts-expect-error: a key may have no secondary
  secondary.length
  // @ts-expect-error: a returned key is read-only
  key.name = 'two'
})

// @ts-expect-error: a unit that does not exist
void tokens.issue('secret', { lifetimeMinutes: 5 })
// @ts-expect-error: scope is an object, not an OAuth scope string
void tokens.issue('secret', { scope: 'workflow:customers.read' })
void tokens.issue('secret').then((issued) => {
  // @ts-expect-error: there may be no token before `ok` is checked
  issued.token
  return issued.ok ? issued.token : issued.refusal.code
})

declare const twinkey: ReturnType<typeof createTwinkey>
// @ts-expect-error: a reader requires a name
guardExpress(twinkey, { tenant: from.param() })
// @ts-expect-error: a guard requires a Twinkey or a verifier
guardExpress(keys, {})
// @ts-expect-error: a reader must be called
guardExpress(twinkey, { workflow: routeTemplate })
// @ts-expect-error: a reader returns a name, not a promise
guardHono(twinkey, { tenant: async () => 't1' })
// @ts-expect-error: a name is a string
guardHono(twinkey, { tenant: from.query(7) })

/** A decision is either positive or a refusal, and codes form a closed list. */
export function read(decision: Decision<Plan>, refusal: Refusal, event: TwinkeyEvent): unknown {
  // @ts-expect-error: a code that does not exist
  if (refusal.code === 'forbidden') return refusal
  // @ts-expect-error: an event that does not exist
  if (event.type === 'key.expired') return event
  // @ts-expect-error: only the events of tokens have a token id
  if (event.type === 'key.created') return event.tokenId
  // @ts-expect-error: a positive decision has no refusal
  if (decision.ok) return decision.refusal
  return decision.refusal.detail
}
