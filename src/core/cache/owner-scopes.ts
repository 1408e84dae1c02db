import { TwinkeyError } from '../model/error.ts'
import { copyScope, freezeScope, type Scope, scopeProblem } from '../model/scope.ts'
import { withTimeout } from '../store/timeout.ts'
import { type Cache, type CacheBounds, type Cached, createCache } from './cache.ts'

/**
 * Looks up what an owner may reach now. Null or undefined means that the owner no longer exists. A
 * key never reaches more than its owner does. The lookup is not called for a key without an owner.
 */
export type OwnerScope = (
  owner: string,
) => Promise<Scope | null | undefined> | Scope | null | undefined

/** The recently used scopes of owners. */
export type OwnerScopes = Cache<Cached<Scope>>

/** Creates the cache of owner scopes. It has the bounds of the key cache. */
export function createOwnerScopes(
  ownerScope: OwnerScope,
  deadlineMilliseconds: number,
  bounds: CacheBounds,
): OwnerScopes {
  const read = async (owner: string): Promise<Scope | null> => {
    // A result that throws while it is copied counts as a failed lookup.
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
      throw new TwinkeyError('owner_unavailable', `The result of ownerScope ${problem}.`)
    return freezeScope(scope as Scope)
  }
  return createCache(
    async (owner, loadedAt, generation) => ({ value: await read(owner), loadedAt, generation }),
    bounds,
  )
}
