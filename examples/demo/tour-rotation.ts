import { bearer, send } from './call.ts'
import type { TourKey, TourParts } from './tour.ts'
import { startTraffic, type TrafficCount } from './traffic.ts'

const CALLS_PER_PHASE = 200
const GRACE_SECONDS = 3

/** New secrets for keys that are in use. */
export async function tourRotation(parts: TourParts, key: TourKey): Promise<TourKey> {
  parts.narrator.chapter('Rotation, while a client calls without pause')
  const rotated = await rotateTwins(parts, key)
  await rotateWithGrace(parts)
  return rotated
}

async function rotateTwins({ narrator }: TourParts, { id, primary }: TourKey): Promise<TourKey> {
  const { url, step, note, manage, call } = narrator
  step(
    'A client calls with the primary secret, eight calls at a time. Nobody uses the secondary, so that one is replaced first.',
  )
  const traffic = startTraffic(url, primary)
  await traffic.more(CALLS_PER_PHASE)
  const { secret: secondary } = await manage('regenerate', id, 'secondary', { actor: 'tour' })
  await traffic.more(CALLS_PER_PHASE)

  step(
    'The client moves to the new secondary secret. Then the primary is replaced, which nobody uses any more.',
  )
  await traffic.moveTo(secondary)
  await traffic.more(CALLS_PER_PHASE)
  const { secret: renewed } = await manage('regenerate', id, 'primary', { actor: 'tour' })
  await traffic.more(CALLS_PER_PHASE)
  note(resultOf(await traffic.stop()))

  step('The old primary secret is refused.')
  await call(401, { path: '/v1/customers/c1', headers: bearer(primary) })
  return { id, primary: renewed, secondary }
}

async function rotateWithGrace({ narrator }: TourParts): Promise<void> {
  const { url, step, note, manage, call } = narrator
  step(
    'A key may have a single secret. Rotating it gives a new one, and the old one works for a grace.',
  )
  const { key, primary: old } = await manage('create', {
    name: 'single',
    scope: { tenants: ['acme'] },
    secondary: false,
  })
  const traffic = startTraffic(url, old)
  await traffic.more(CALLS_PER_PHASE)
  const { secret } = await manage('rotate', key.id, { graceSeconds: GRACE_SECONDS, actor: 'tour' })
  await traffic.more(CALLS_PER_PHASE)

  step(
    `The client moves to the new secret within the grace of ${GRACE_SECONDS} seconds, and goes on until the old one has died.`,
  )
  await traffic.moveTo(secret)
  await diesOf(url, old)
  await traffic.more(CALLS_PER_PHASE)
  note(resultOf(await traffic.stop()))

  step('The old secret is refused.')
  await call(401, { path: '/v1/customers/c1', headers: bearer(old) })
}

// Calls with a secret until it is refused.
async function diesOf(url: string, secret: string): Promise<void> {
  const tooLate = Date.now() + GRACE_SECONDS * 1000 + 5000
  for (;;) {
    const { status } = await send(url, { path: '/v1/whoami', headers: bearer(secret) })
    if (status === 401) return
    if (Date.now() > tooLate) throw new Error('The old secret outlived its grace.')
  }
}

function resultOf({ calls, failed, firstFailure }: TrafficCount): string {
  const result = `The client made ${calls} calls, ${failed} failed.`
  if (failed > 0) throw new Error(`${result} The first: ${firstFailure}.`)
  return result
}
