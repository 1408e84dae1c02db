import type { LimitCharge, Limiter } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'

/** The limiter in memory, which remembers every charge for a test. */
export interface CountingLimiter extends Limiter {
  readonly charges: LimitCharge[]
}

/** @param onLimiterError What happens if a test replaces `consume` by one that fails. */
export function countingLimiter(
  onLimiterError: Limiter['onLimiterError'] = 'refuse',
): CountingLimiter {
  const { consume, read } = memoryLimiter()
  const charges: LimitCharge[] = []
  return {
    onLimiterError,
    charges,
    consume(charge) {
      charges.push(charge)
      return consume(charge)
    },
    read,
  }
}
