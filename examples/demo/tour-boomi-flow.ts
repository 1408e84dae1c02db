import type { TourParts } from './tour.ts'

const FLOWS = '/api/draw/1/flow'

/** The convention of Boomi Flow. */
export async function tourBoomiFlow({ narrator, samples }: TourParts): Promise<void> {
  const { chapter, step, call } = narrator
  const { secret, tenant } = samples.boomiFlow
  const key = { 'x-boomi-flow-api-key': secret }
  chapter('Boomi Flow: the key and the tenant in headers of their own')

  step('Without a key the flows of a tenant are refused.')
  await call(401, { path: FLOWS })

  step('With the key, and the tenant that it is of, they are listed.')
  await call(200, { path: FLOWS, headers: { ...key, manywhotenant: tenant } })

  step('The key is of one tenant, so the header may be left out.')
  await call(200, { path: '/api/admin/1/tenant', headers: key })

  step('Another tenant is refused, whether it exists or not.')
  await call(403, { path: FLOWS, headers: { ...key, manywhotenant: 'globex' } })

  step('A user sees the keys that are there, but never a secret again: only digests are stored.')
  await call(200, { path: '/api/admin/1/users/me/keys', headers: key })
}
