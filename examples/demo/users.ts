import type { Principal, Scope } from 'twinkey'
import type { FlareAccount } from 'twinkey/profiles'

/** The users that own the sample keys, and the current tenants of each user. */
export interface Users {
  /** The scope of a user, which limits all keys of that user. Undefined for an unknown user. */
  reach(owner: string): Scope | undefined
  /** The account that Flare's API reports for the owner of a key. */
  account(principal: Principal): FlareAccount | undefined
  leave(owner: string, tenant: string): void
  join(owner: string, tenant: string): void
}

export const FLOW_USER = 'flow-user'
export const FLARE_USER = 'flare-user'
/** Flare's tenant ids are numbers. A scope contains them as text. */
export const FLARE_TENANTS: readonly number[] = [4001, 4002]

const FLARE_ACCOUNT = { userId: 2001, userEmail: 'farida@example.com', organizationId: 3001 }

/**
 * The users of the demo.
 *
 * @param flowTenant The tenant of the user of Boomi Flow.
 */
export function createUsers(flowTenant: string): Users {
  const tenants = new Map([
    ['demo', new Set(['acme', 'globex'])],
    ['ada', new Set(['acme', 'globex'])],
    ['grace', new Set(['acme'])],
    [FLOW_USER, new Set([flowTenant])],
    [FLARE_USER, new Set(FLARE_TENANTS.map(String))],
  ])
  return {
    reach(owner) {
      const own = tenants.get(owner)
      return own && { tenants: [...own], environments: '*', workflows: '*' }
    },
    account({ owner }) {
      const [first] = tenants.get(FLARE_USER) ?? []
      if (owner !== FLARE_USER || first === undefined) return undefined
      return { ...FLARE_ACCOUNT, tenantId: Number(first) }
    },
    leave: (owner, tenant) => void tenants.get(owner)?.delete(tenant),
    join: (owner, tenant) => void tenants.get(owner)?.add(tenant),
  }
}
