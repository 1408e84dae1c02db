import type { Cache, Cached } from '../cache/cache.ts'
import type { OwnerScopes } from '../cache/owner-scopes.ts'
import { isWithinNetworks } from '../model/network.ts'
import type { Principal } from '../model/principal.ts'
import { REFUSALS } from '../model/refusal.ts'
import { narrow } from '../model/scope.ts'
import { effectiveScope } from './allowed.ts'
import { matchedAgain } from './credential-match.ts'
import { CredentialDenial } from './denial.ts'
import type { Identity } from './identity.ts'
import type { KeyCache } from './key-cache.ts'

/**
 * Checks whether a principal that was let in would be let in now, with at least the same scope.
 *
 * @param identity The identity that was found last.
 * @param since The record of the key and the scope of its owner must be as new as this.
 * @returns The present identity, or why there is none. Rejects if the store or `ownerScope` fails.
 */
export type Confirm = (
  principal: Principal,
  identity: Identity,
  since: number,
) => Promise<Identity | CredentialDenial>

export function createConfirm(
  keys: KeyCache,
  owners: OwnerScopes | undefined,
  now: () => number,
): Confirm {
  return async ({ scope }, identity, since) => {
    const { holder } = identity
    const cached = await newest(keys, holder.id, since)
    const owner = owners && cached.value?.kind === 'key' ? cached.value.owner : null
    const ownerScope = owners && owner !== null ? await newest(owners, owner, since) : undefined
    const found = matchedAgain(identity, cached, now())
    if (found instanceof CredentialDenial) return found
    if (typeof narrow(effectiveScope(found, ownerScope), scope) === 'string')
      return new CredentialDenial(REFUSALS.credentialInvalid, 'not_covered', holder.id)
    return staysWithin(identity, found)
      ? found
      : new CredentialDenial(REFUSALS.credentialInvalid, 'address_outside', holder.id)
  }
}

// The address of the request is not known any more. It stays allowed if the networks of the key
// contain those that it had.
function staysWithin({ key: before }: Identity, { key: after }: Identity): boolean {
  const [inner, outer] = [before?.networks ?? null, after?.networks ?? null]
  return outer === null || (inner !== null && isWithinNetworks(inner, outer))
}

async function newest<C extends Cached<unknown>>(
  cache: Cache<C>,
  id: string,
  since: number,
): Promise<C> {
  const known = cache.last(id)
  return known !== undefined && cache.isSince(known, since) ? known : await cache.load(id)
}
