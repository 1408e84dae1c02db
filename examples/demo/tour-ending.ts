import { bearer } from './call.ts'
import type { TourKey, TourParts } from './tour.ts'
import { tokenOf } from './tour-tokens.ts'

/** The end of a key. */
export async function tourEnding(
  { narrator }: TourParts,
  { id, primary, secondary }: TourKey,
): Promise<void> {
  const { chapter, step, manage, call } = narrator
  chapter('The end of a key')

  step('A caller still has a token of this key.')
  const token = tokenOf(
    await call(200, { method: 'POST', path: '/v1/tokens', headers: bearer(primary) }),
  )

  step('A disabled key is refused immediately, with either secret.')
  await manage('disable', id, { actor: 'tour' })
  await call(401, { path: '/v1/customers/c1', headers: bearer(secondary) })

  step('An enabled key works again with the same secrets.')
  await manage('enable', id, { actor: 'tour' })
  await call(200, { path: '/v1/customers/c1', headers: bearer(secondary) })

  step('A revoked key is refused permanently.')
  await manage('revoke', id, { actor: 'tour' })
  await call(401, { path: '/v1/customers/c1', headers: bearer(primary) })

  step('Its tokens are refused too, although they have not expired.')
  await call(401, { path: '/v1/customers/c1', headers: bearer(token) })
}
