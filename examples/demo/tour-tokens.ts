import type { Answer } from './call.ts'
import { bearer } from './call.ts'
import type { TourKey, TourParts } from './tour.ts'

/** Tokens instead of the secret. */
export async function tourTokens({ narrator }: TourParts, { primary }: TourKey): Promise<void> {
  const { chapter, step, call } = narrator
  chapter('Tokens')

  step(
    'A secret is exchanged for a token of one hour, for callers that should not hold the secret.',
  )
  const token = tokenOf(
    await call(200, { method: 'POST', path: '/v1/tokens', headers: bearer(primary) }),
  )

  step('The token works like the secret.')
  await call(200, { path: '/v1/customers/c1', headers: bearer(token) })

  step('A token can be narrower than its key: one workflow, for ten minutes.')
  const body = { scope: 'workflow:customers.read', expires_in: 600 }
  const narrow = tokenOf(await call(200, { path: '/v1/tokens', headers: bearer(primary), body }))

  step('It does not reach other workflows, although its key does.')
  await call(403, { path: '/v1/tenants/acme/flows', headers: bearer(narrow) })

  step('A request for more than the scope of the key is refused.')
  await call(403, {
    path: '/v1/tokens',
    headers: bearer(primary),
    body: { scope: 'workflow:customers.write' },
  })

  step('A token cannot be exchanged for a token.')
  await call(401, { method: 'POST', path: '/v1/tokens', headers: bearer(token) })

  step('The test endpoint describes the credential of its caller.')
  await call(200, { path: '/v1/tokens/test', headers: bearer(narrow) })

  step('The public key is published, so that other services can verify tokens.')
  await call(200, { path: '/.well-known/jwks.json' })
}

/** The token of an answer to an exchange. */
export function tokenOf({ body }: Answer): string {
  const { access_token: token } = body as { access_token?: unknown }
  if (typeof token !== 'string') throw new Error('The answer has no access_token.')
  return token
}
