import { limitName, windowAt } from '../core/model/key-limit.ts'
import type { LimitUse } from '../core/model/limiter.ts'

/**
 * The headers that tell a client its limits and what is left of them. The names of limits need no
 * escapes.
 *
 * @param now Epoch milliseconds.
 * @see draft-ietf-httpapi-ratelimit-headers-10, RFC 9651
 */
export function rateLimitHeaders(
  limits: readonly LimitUse[],
  now: number,
): Readonly<Record<string, string>> {
  if (limits.length === 0) return {}
  const policies = limits.map(({ limit }) => {
    const { startsAt, endsAt } = windowAt(limit, now)
    return `"${limitName(limit)}";q=${limit.requests};w=${(endsAt - startsAt) / 1000}`
  })
  const left = limits.map(({ limit, remaining, resetsAt }) => {
    const seconds = Math.max(Math.ceil((resetsAt - now) / 1000), 0)
    return `"${limitName(limit)}";r=${remaining};t=${seconds}`
  })
  return { 'ratelimit-policy': policies.join(', '), ratelimit: left.join(', ') }
}
