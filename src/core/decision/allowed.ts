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
  { holder, slot, via, validUntil }: Identity,
  scope: Scope,
  { tenant, environment, workflow }: Target,
  reader: RequestReader<never> | undefined,
): Principal {
  const { id: keyId, name, owner, metadata } = holder
  const username = reader?.username?.(name)
  return Object.freeze({
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
  })
}
