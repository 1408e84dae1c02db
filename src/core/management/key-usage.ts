import { isId } from '../model/api-key.ts'
import { requireInput } from '../model/error.ts'
import { isLimitUse, type LimitUse } from '../model/limiter.ts'
import { withTimeout } from '../store/timeout.ts'
import { isVisible, requireRight } from './authority.ts'
import type { Keyring } from './key-management.ts'
import type { KeyringParts } from './keyring-parts.ts'
import { keyNotFound } from './write-errors.ts'

/** Implements `usage`. */
export function createUsage(parts: KeyringParts): Keyring['usage'] {
  const { store, authority, limiter, policies, deadlineMilliseconds, emit, now } = parts
  return async (id) => {
    requireRight(authority, 'usage')
    requireInput(isId(id) ? undefined : 'must be the id of a key', 'id')
    const record = await store.get(id)
    if (record?.kind !== 'key' || !isVisible(authority, record)) throw keyNotFound()
    const limits = record.limits ?? policies.limits ?? []
    if (limiter === undefined || limits.length === 0) return []
    try {
      return await withTimeout(
        deadlineMilliseconds,
        'limiter_unavailable',
        'The limiter failed',
        async () => checkedUses(await limiter.read({ keyId: id, limits, at: now() }), limits),
      )
    } catch (error) {
      const message = 'The limiter failed, so the usage of a key is not known. Look at the error.'
      emit?.({ type: 'warning.limiter_unavailable', at: now(), message, error })
      throw error
    }
  }
}

// A limiter of the application may answer anything.
function checkedUses(
  uses: readonly LimitUse[],
  limits: readonly LimitUse['limit'][],
): readonly LimitUse[] {
  if (!Array.isArray(uses) || uses.length !== limits.length)
    throw new TypeError('read must return one item for each limit.')
  return Object.freeze(
    limits.map((limit, index) => {
      const use = uses[index] as LimitUse
      if (!isLimitUse(use))
        throw new TypeError(
          'read must return remaining and resetsAt as whole numbers, 0 or more, for each limit.',
        )
      const { remaining, resetsAt } = use
      return Object.freeze({ limit, remaining, resetsAt })
    }),
  )
}
