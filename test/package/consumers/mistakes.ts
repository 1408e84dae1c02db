// Code that must not compile. It is never run. If the compiler accepts a mistake, its expectation
// is unused, which is an error.
import {
  createTwinkey,
  type Json,
  type Principal,
  type Requirement,
  type TwinkeyOptions,
} from 'twinkey'
import { requireAuth as guardExpress } from 'twinkey/express'
import { requireAuth as guardFastify } from 'twinkey/fastify'
import { requireAuth as guardHono } from 'twinkey/hono'
import { boomiFlow, flare } from 'twinkey/profiles'
import { from, requireAuth as guardWeb } from 'twinkey/web'

interface Plan extends Record<string, Json> {
  readonly plan: 'free' | 'paid'
}

const plain = createTwinkey()
const twinkey = createTwinkey<Plan>()
const SCOPE = { tenants: '*', workflows: '*' } as const
const handler = () => new Response()

// @ts-expect-error: an option that does not exist
createTwinkey({ prefix: ['acme'] })
// @ts-expect-error: prefixes must be a list
createTwinkey({ prefixes: 'acme' })
// @ts-expect-error: the unit is part of the name
createTwinkey({ cache: { maxAge: 5 } })
// @ts-expect-error: an issuer is a string
createTwinkey({ tokens: { issuer: new URL('https://api.example') } })
// @ts-expect-error: a pepper must be bytes, not a string
createTwinkey({ pepper: { current: 'a', keys: { a: 'text' } } })

// @ts-expect-error: an unknown member of a requirement
guardExpress(plain, { workflows: 'customers.read' })
// @ts-expect-error: an unknown member of a requirement
guardFastify(plain, { permission: 'customers.read' })
// @ts-expect-error: an unknown member of a requirement
guardHono(plain, { scope: 'customers.read' })
// @ts-expect-error: an unknown member of a requirement
guardWeb(plain, { role: 'admin' }, handler)
// @ts-expect-error: a kind of credential that does not exist
guardExpress(plain, { accept: ['key'] })
// @ts-expect-error: a workflow is a name or a reader
guardExpress(plain, { workflow: ['customers.read'] })
// @ts-expect-error: an optional guard may give no principal
guardWeb(plain, { optional: true }, (_request, { name }) => new Response(name))
// @ts-expect-error: a profile must be called
guardExpress(plain, { profile: boomiFlow })
// @ts-expect-error: the web adapter has no path parameters
void import('twinkey/web').then(({ param }) => param)
// @ts-expect-error: Flare requires an account lookup
flare()

// @ts-expect-error: a key has a scope
void plain.keys.create({ name: 'one' })
// @ts-expect-error: a scope has tenants
void plain.keys.create({ name: 'one', scope: { workflows: ['customers.read'] } })
// @ts-expect-error: a plan that does not exist
void twinkey.keys.create({ name: 'one', scope: SCOPE, metadata: { plan: 'gold' } })
// @ts-expect-error: another type of metadata
void twinkey.keys.create({ name: 'one', scope: SCOPE, metadata: { tier: 1 } })
// @ts-expect-error: a slot that does not exist
void plain.keys.renew('id', { slots: 'tertiary' })
// @ts-expect-error: a number of seconds, not a string
void plain.keys.rotate('id', { graceSeconds: '1 day' })
// @ts-expect-error: a member that cannot be updated
void plain.keys.update('id', { owner: 'ada' })

guardWeb(twinkey, {}, (_request, { metadata }) => {
  metadata.plan satisfies 'free' | 'paid'
  // @ts-expect-error: metadata without this member, or with one that is not an object
  const tier: string = metadata.tier.name
  return Response.json({ tier })
})

void plain.keys.verify('secret').then((verified) => {
  // @ts-expect-error: there may be no key before `ok` is checked
  verified.key
  // @ts-expect-error: there may be no refusal either
  verified.refusal
  if (verified.ok) return verified.key.id
  return verified.refusal.code satisfies string
})

void plain.authenticate(new Request('http://localhost'), { optional: true }).then((decision) => {
  // @ts-expect-error: an optional route may have no principal
  if (decision.ok) return decision.principal.keyId
  return undefined
})

/** A principal cannot be changed. */
export function change(principal: Principal): void {
  // @ts-expect-error: frozen
  principal.tenant = 't2'
}

// This must compile, even under exactOptionalPropertyTypes.
export const requirement: Requirement = {
  tenant: undefined,
  workflow: 'customers.read',
  environment: from.header('x-environment'),
}
export const options: TwinkeyOptions = { environments: undefined, cache: { maxKeys: undefined } }
