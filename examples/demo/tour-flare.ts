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
  chapter('Flare: a key that does not expire for tokens that do')

  step('The key is the whole Authorization, without a scheme. It gives a token of an hour.')
  const token = flareTokenOf(await call(200, { method: 'POST', ...exchange }))

  step('The token says who it acts for.')
  await call(200, { path: '/tokens/test', headers: bearer(token) })

  step(`And it reaches the data of the default tenant of its user, which is ${first}.`)
  await call(200, { path: SOURCES, headers: bearer(token) })

  step('The key itself is not taken there.')
  await call(401, { path: SOURCES, headers: bearer(secret) })

  step('A token of another tenant is asked for by its number.')
  const other = flareTokenOf(await call(200, { ...exchange, body: { tenant_id: second } }))
  await call(200, { path: SOURCES, headers: bearer(other) })

  step('A key follows its owner: the user loses that tenant, and the token is refused at once.')
  await act(
    `users.leave('${FLARE_USER}', '${second}'); await twinkey.invalidateOwner('${FLARE_USER}')`,
    async () => {
      users.leave(FLARE_USER, String(second))
      await twinkey.invalidateOwner(FLARE_USER)
    },
  )
  await call(403, { path: SOURCES, headers: bearer(other) })

  step('And no other token is given for it, until the user is there again.')
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
