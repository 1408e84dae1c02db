import type { KeyLimit, LimitAnswer, LimitCharge, Limiter, LimitUse } from 'twinkey/limits'

/** Noon of a day, in UTC. */
export const NOON = Date.UTC(2026, 10, 29, 12)
export const SECOND = 1000
export const HOUR = 3600 * SECOND
export const DAY = 24 * HOUR

/** A request of key `k` at noon, with a limit of ten requests in a minute and a cost of 1. */
export function charge(given: Partial<LimitCharge> = {}): LimitCharge {
  return { keyId: 'k', limits: [{ requests: 10, perSeconds: 60 }], cost: 1, at: NOON, ...given }
}

/** Asks a limiter that answers at once. */
export function consumeNow(limiter: Limiter, given: Partial<LimitCharge> = {}): LimitAnswer {
  const answer = limiter.consume(charge(given))
  if (answer instanceof Promise) throw new Error('the limiter answered with a promise')
  return answer
}

/** Reads from a limiter that answers at once. */
export function readNow(limiter: Limiter, given: Partial<LimitCharge> = {}): readonly LimitUse[] {
  const uses = limiter.read(charge(given))
  if (uses instanceof Promise) throw new Error('the limiter answered with a promise')
  return uses
}

/** What is left of each limit. */
export function left({ limits }: { readonly limits: readonly LimitUse[] }): number[] {
  return limits.map(({ remaining }) => remaining)
}

/** One limit of each kind. */
export const minute = (requests: number): KeyLimit => ({ requests, perSeconds: 60 })
export const day = (requests: number): KeyLimit => ({ requests, per: 'day' })
export const month = (requests: number): KeyLimit => ({ requests, per: 'month' })
