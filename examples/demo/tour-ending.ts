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

  step('Somebody still has a token of this key.')
  const token = tokenOf(
    await call(200, { method: 'POST', path: '/v1/tokens', headers: bearer(primary) }),
  )

  step('A disabled key is refused at once, with either secret.')
  await manage('disable', id, { actor: 'tour' })
  await call(401, { path: '/v1/customers/c1', headers: bearer(secondary) })

  step('Enabled again, it works with the secrets it had.')
  await manage('enable', id, { actor: 'tour' })
  await call(200, { path: '/v1/customers/c1', headers: bearer(secondary) })

  step('Revoked, it is refused for good.')
  await manage('revoke', id, { actor: 'tour' })
  await call(401, { path: '/v1/customers/c1', headers: bearer(primary) })

  step('And so are its tokens, though they have not expired.')
  await call(401, { path: '/v1/customers/c1', headers: bearer(token) })
}
