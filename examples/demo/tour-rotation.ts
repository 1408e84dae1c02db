import { bearer, send } from './call.ts'
import type { TourKey, TourParts } from './tour.ts'
import { startTraffic, type TrafficCount } from './traffic.ts'

const CALLS_PER_PHASE = 200
const GRACE_SECONDS = 3

/** Rotation of keys that are in use. */
export async function tourRotation(parts: TourParts, key: TourKey): Promise<TourKey> {
  parts.narrator.chapter('Rotation while a client calls continuously')
  const rotated = await rotateBoth(parts, key)
  await rotateWithGrace(parts)
  return rotated
}

async function rotateBoth({ narrator }: TourParts, { id, primary }: TourKey): Promise<TourKey> {
  const { url, step, note, manage, call } = narrator
  step(
    'A client calls with the primary secret, eight calls at a time. The secondary secret is idle, so it is replaced first.',
  )
  const traffic = startTraffic(url, primary)
  await traffic.more(CALLS_PER_PHASE)
  const { secondary } = await manage('renew', id, { slots: 'secondary', actor: 'tour' })
  await traffic.more(CALLS_PER_PHASE)

  step(
    'The client moves to the new secondary secret. Now the primary secret is idle, and is replaced.',
  )
  await traffic.moveTo(secondary as string)
  await traffic.more(CALLS_PER_PHASE)
  const renewed = await manage('renew', id, { slots: 'primary', actor: 'tour' })
  await traffic.more(CALLS_PER_PHASE)
  note(resultOf(await traffic.stop()))

  step('The old primary secret is refused.')
  await call(401, { path: '/v1/customers/c1', headers: bearer(primary) })
  return { id, primary: renewed.primary as string, secondary: secondary as string }
}

async function rotateWithGrace({ narrator }: TourParts): Promise<void> {
  const { url, step, note, manage, call } = narrator
  step(
    'A key can have a single secret. A rotation issues a new one, and the old one works for a grace period.',
  )
  const { key, primary: old } = await manage('create', {
    name: 'single',
    scope: { tenants: ['acme'], workflows: '*' },
    secondary: false,
  })
  const traffic = startTraffic(url, old)
  await traffic.more(CALLS_PER_PHASE)
  const { primary } = await manage('rotate', key.id, { graceSeconds: GRACE_SECONDS, actor: 'tour' })
  await traffic.more(CALLS_PER_PHASE)

  step(
    `The client moves to the new secret within the grace period of ${GRACE_SECONDS} seconds, and continues until the old one has expired.`,
  )
  await traffic.moveTo(primary)
  await untilRefused(url, old)
  await traffic.more(CALLS_PER_PHASE)
  note(resultOf(await traffic.stop()))

  step('The old secret is refused.')
  await call(401, { path: '/v1/customers/c1', headers: bearer(old) })
}

// Calls with a secret until it is refused.
async function untilRefused(url: string, secret: string): Promise<void> {
  const tooLate = Date.now() + GRACE_SECONDS * 1000 + 5000
  for (;;) {
    const { status } = await send(url, { path: '/v1/whoami', headers: bearer(secret) })
    if (status === 401) return
    if (Date.now() > tooLate) throw new Error('The old secret still works after its grace period.')
  }
}

function resultOf({ calls, failed, firstFailure }: TrafficCount): string {
  const result = `The client made ${calls} calls, ${failed} failed.`
  if (failed > 0) throw new Error(`${result} The first: ${firstFailure}.`)
  return result
}
