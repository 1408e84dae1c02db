import { bearer } from './call.ts'
import type { TourKey, TourParts } from './tour.ts'

/** A key and its scope. */
export async function tourAccess({ narrator, samples }: TourParts): Promise<TourKey> {
  const { chapter, step, manage, call } = narrator
  chapter('A key and its scope')

  step(
    'Create a key for one tenant and two workflows. Both of its secrets work, and are shown only now.',
  )
  const { key, primary, secondary } = await manage('create', {
    name: 'billing',
    owner: 'ada',
    scope: { tenants: ['acme'], workflows: ['customers.read', 'flows.read'] },
    actor: 'tour',
  })
  if (secondary === null) throw new Error('The key has no secondary secret.')

  step('A call without a credential is refused. The challenge and the problem+json say what to do.')
  await call(401, { path: '/v1/customers/c1' })

  step(
    "The primary secret works as a Bearer credential. The call names no tenant, so the key's only tenant is used.",
  )
  await call(200, { path: '/v1/customers/c1', headers: bearer(primary) })

  step('The secondary secret works too, here in X-API-Key. Both secrets belong to the same key.')
  await call(200, { path: '/v1/whoami', headers: { 'X-API-Key': secondary } })

  step('Another tenant is refused. This route reads the tenant from the path.')
  await call(403, { path: '/v1/tenants/globex/flows', headers: bearer(primary) })

  step('This route reads it from a header.')
  await call(403, {
    path: '/v1/customers/c1',
    headers: { ...bearer(primary), 'X-Tenant-Id': 'globex' },
  })

  step('A workflow outside the scope is refused. The challenge names the required one.')
  await call(403, {
    path: '/v1/customers',
    headers: bearer(primary),
    body: { name: 'Joan Clarke' },
  })

  step(
    'A secret with a typo fails its checksum and is refused without a read of the store. The caller does not see the reason.',
  )
  await call(401, { path: '/v1/customers/c1', headers: bearer(withTypo(samples.standard.primary)) })

  step('A key for the environment Test is refused on a Production route.')
  await call(403, { path: '/v1/customers/c1', headers: bearer(samples.test.primary) })
  return { id: key.id, primary, secondary }
}

function withTypo(secret: string): string {
  const at = secret.length - 10
  return `${secret.slice(0, at)}${secret[at] === 'x' ? 'y' : 'x'}${secret.slice(at + 1)}`
}
