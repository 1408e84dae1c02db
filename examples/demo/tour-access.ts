import { bearer } from './call.ts'
import type { TourKey, TourParts } from './tour.ts'

/** A key, and what it reaches. */
export async function tourAccess({ narrator, samples }: TourParts): Promise<TourKey> {
  const { chapter, step, manage, call } = narrator
  chapter('A key and what it reaches')

  step(
    'Create a key for one tenant and two workflows. Both of its secrets work, and are shown this once.',
  )
  const { key, primary, secondary } = await manage('create', {
    name: 'billing',
    owner: 'ada',
    scope: { tenants: ['acme'], workflows: ['customers.read', 'flows.read'] },
    actor: 'tour',
  })
  if (secondary === null) throw new Error('The key has no secondary secret.')

  step(
    'Without a credential a call is refused, with a challenge and a problem+json that says what to do.',
  )
  await call(401, { path: '/v1/customers/c1' })

  step(
    "With the primary secret as a Bearer credential it is let in. The tenant is the key's own, as nobody named one.",
  )
  await call(200, { path: '/v1/customers/c1', headers: bearer(primary) })

  step('With the secondary secret in X-API-Key too: both are the same key.')
  await call(200, { path: '/v1/whoami', headers: { 'X-API-Key': secondary } })

  step('Another tenant is refused, wherever the route reads it from: here the path.')
  await call(403, { path: '/v1/tenants/globex/flows', headers: bearer(primary) })

  step('The same from a header.')
  await call(403, {
    path: '/v1/customers/c1',
    headers: { ...bearer(primary), 'X-Tenant-Id': 'globex' },
  })

  step(
    'A workflow that the key does not have is refused, and the challenge names the one that is needed.',
  )
  await call(403, {
    path: '/v1/customers',
    headers: bearer(primary),
    body: { name: 'Joan Clarke' },
  })

  step(
    'A secret with a typo is refused by its checksum, without asking the store. The caller does not learn why.',
  )
  await call(401, { path: '/v1/customers/c1', headers: bearer(withTypo(samples.standard.primary)) })

  step('A key for the environment Test is refused on a route of Production.')
  await call(403, { path: '/v1/customers/c1', headers: bearer(samples.test.primary) })
  return { id: key.id, primary, secondary }
}

function withTypo(secret: string): string {
  const at = secret.length - 10
  return `${secret.slice(0, at)}${secret[at] === 'x' ? 'y' : 'x'}${secret.slice(at + 1)}`
}
