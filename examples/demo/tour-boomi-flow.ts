import type { TourParts } from './tour.ts'

const FLOWS = '/api/draw/1/flow'

/** The convention of Boomi Flow. */
export async function tourBoomiFlow({ narrator, samples }: TourParts): Promise<void> {
  const { chapter, step, call } = narrator
  const { secret, tenant } = samples.boomiFlow
  const key = { 'x-boomi-flow-api-key': secret }
  chapter('Boomi Flow: the key and the tenant in separate headers')

  step('A call without a key is refused.')
  await call(401, { path: FLOWS })

  step('With the key and its tenant, the flows are listed.')
  await call(200, { path: FLOWS, headers: { ...key, manywhotenant: tenant } })

  step('The key has only one tenant, so the header is optional.')
  await call(200, { path: '/api/admin/1/tenant', headers: key })

  step('Another tenant is refused, whether it exists or not.')
  await call(403, { path: FLOWS, headers: { ...key, manywhotenant: 'globex' } })

  step('A user sees the keys but not their secrets: only digests are stored.')
  await call(200, { path: '/api/admin/1/users/me/keys', headers: key })
}
