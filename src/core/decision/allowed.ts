import type { Cached } from '../cache/cache.ts'
import type { Allowed, Principal } from '../model/principal.ts'
import { intersect, type Scope, type Target } from '../model/scope.ts'
import type { Identity } from './identity.ts'
import type { Credential, RequestReader } from './route-requirement.ts'

const NOTHING: Scope = Object.freeze({ tenants: [], environments: [], workflows: [] })

/** The scope of the key, of its token and of its owner, intersected. */
export function effectiveScope({ scope }: Identity, ownerScope: Cached<Scope> | undefined): Scope {
  return ownerScope === undefined ? scope : intersect(scope, ownerScope.value ?? NOTHING)
}

/** The answer to a request that is let in. */
export function allowedOf(
  identity: Identity,
  scope: Scope,
  target: Target,
  reader: RequestReader<never> | undefined,
  { inAuthorizationHeader }: Credential,
): Allowed {
  const principal = principalOf(identity, scope, target, reader)
  return Object.freeze({ ok: true, principal, noStore: !inAuthorizationHeader })
}

function principalOf(
  identity: Identity,
  scope: Scope,
  { tenant, environment, workflow }: Target,
  reader: RequestReader<never> | undefined,
): Principal {
  const { holder, slot, via, validUntil } = identity
  const { id: keyId, name, owner, metadata } = holder
  const username = reader?.username?.(name)
  const principal: Principal = {
    keyId,
    name,
    username,
    owner,
    metadata,
    slot,
    via,
    expiresAt: validUntil,
    tenant,
    environment,
    workflow,
    scope,
  }
  return Object.freeze(new Attached(principal, identity) as unknown as Principal)
}

/** The identity from which a principal was made. Undefined for any other object. */
export function identityOfPrincipal(principal: object): Identity | undefined {
  return Attached.identityOf(principal)
}

// Attaches an identity to a principal as a private member, which nobody else can read: it leads to
// the digests of the key. The private members of a class are added to what the constructor of its
// base returns, so that the principal stays a plain object.
class Returned {
  constructor(target: object) {
    // biome-ignore lint/correctness/noConstructorReturn: see above.
    return target
  }
}

class Attached extends Returned {
  readonly #identity: Identity

  constructor(target: object, identity: Identity) {
    super(target)
    this.#identity = identity
  }

  static identityOf(target: object): Identity | undefined {
    return #identity in target ? target.#identity : undefined
  }
}
