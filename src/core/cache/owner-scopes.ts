import { TwinkeyError } from '../model/error.ts'
import { copyScope, freezeScope, type Scope, scopeProblem } from '../model/scope.ts'
import { withTimeout } from '../store/timeout.ts'
import { type Cache, type CacheBounds, type Cached, createCache } from './cache.ts'

/**
 * What an owner may reach at this moment, or undefined where the owner is gone. A key never reaches
 * more than its owner does; a key without an owner has no such owner scope.
 */
export type OwnerScope = (
  owner: string,
) => Promise<Scope | null | undefined> | Scope | null | undefined

/** What owners reach, as far as it was asked for lately. */
export type OwnerScopes = Cache<Cached<Scope>>

/** A cache of what owners reach, with the bounds of the key cache. */
export function createOwnerScopes(
  ownerScope: OwnerScope,
  deadlineMilliseconds: number,
  bounds: CacheBounds,
): OwnerScopes {
  const read = async (owner: string): Promise<Scope | null> => {
    // An answer that throws while it is copied counts as a lookup that failed.
    const call = async () => copyScope(await ownerScope(owner))
    const scope = await withTimeout(
      deadlineMilliseconds,
      'owner_unavailable',
      'ownerScope failed',
      call,
    )
    if (scope === undefined || scope === null) return null
    const problem = scopeProblem(scope)
    if (problem !== undefined)
      throw new TwinkeyError('owner_unavailable', `What ownerScope answered ${problem}.`)
    return freezeScope(scope as Scope)
  }
  return createCache(
    async (owner, loadedAt, generation) => ({ value: await read(owner), loadedAt, generation }),
    bounds,
  )
}
