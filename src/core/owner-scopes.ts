import { type Cache, type CacheBounds, createCache } from './cache.ts'
import { within } from './deadline.ts'
import { TwinkeyError } from './fault.ts'
import { freezeScope, type Scope, scopeProblem } from './scope.ts'

/**
 * What an owner may reach at this moment, or undefined where the owner is gone. A key never reaches more than its owner does; a key without an
 * owner has no such ceiling.
 */
export type OwnerScope = (owner: string) => Promise<Scope | null | undefined> | Scope | null | undefined

/** A cache of what owners reach, with the bounds of the key cache. */
export function createOwnerScopes(ownerScope: OwnerScope, deadlineMilliseconds: number, bounds: CacheBounds): Cache<Scope> {
  return createCache(async (owner) => {
    const scope = await within(deadlineMilliseconds, 'owner_unavailable', 'ownerScope', () => ownerScope(owner))
    if (scope === undefined || scope === null) return null
    const problem = scopeProblem(scope)
    if (problem !== undefined) throw new TwinkeyError('owner_unavailable', `What ownerScope answered ${problem}.`)
    return freezeScope(scope)
  }, bounds)
}
