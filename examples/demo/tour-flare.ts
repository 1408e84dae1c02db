import { type Answer, bearer } from './call.ts'
import type { TourParts } from './tour.ts'
import { FLARE_USER } from './users.ts'

const SOURCES = '/leaksdb/v2/sources'

/** The convention of Flare. */
export async function tourFlare({ narrator, samples, twinkey, users }: TourParts): Promise<void> {
  const { chapter, step, act, call } = narrator
  const { secret, tenants } = samples.flare
  const [first, second] = tenants as [number, number]
  const exchange = { path: '/tokens/generate', headers: { Authorization: secret } }
  chapter('Flare: a permanent key is exchanged for tokens that expire')

  step(
    'The key is the whole Authorization header, without a scheme. The token is valid for an hour.',
  )
  const token = flareTokenOf(await call(200, { method: 'POST', ...exchange }))

  step('The test endpoint answers the account of the token.')
  await call(200, { path: '/tokens/test', headers: bearer(token) })

  step(`The token reaches the default tenant of its user, which is ${first}.`)
  await call(200, { path: SOURCES, headers: bearer(token) })

  step('That route does not accept the key itself.')
  await call(401, { path: SOURCES, headers: bearer(secret) })

  step('The exchange can name another tenant by its number.')
  const other = flareTokenOf(await call(200, { ...exchange, body: { tenant_id: second } }))
  await call(200, { path: SOURCES, headers: bearer(other) })

  step(
    'A key never reaches more than its owner: the user loses that tenant, and the token is refused immediately.',
  )
  await act(
    `users.leave('${FLARE_USER}', '${second}'); await twinkey.invalidateOwner('${FLARE_USER}')`,
    async () => {
      users.leave(FLARE_USER, String(second))
      await twinkey.invalidateOwner(FLARE_USER)
    },
  )
  await call(403, { path: SOURCES, headers: bearer(other) })

  step('No new token is issued for that tenant until the user gets it back.')
  await call(403, { ...exchange, body: { tenant_id: second } })
  await act(
    `users.join('${FLARE_USER}', '${second}'); await twinkey.invalidateOwner('${FLARE_USER}')`,
    async () => {
      users.join(FLARE_USER, String(second))
      await twinkey.invalidateOwner(FLARE_USER)
    },
  )
  await call(200, { ...exchange, body: { tenant_id: second } })
}

function flareTokenOf({ body }: Answer): string {
  const { token } = body as { token?: unknown }
  if (typeof token !== 'string') throw new Error('The answer has no token.')
  return token
}
