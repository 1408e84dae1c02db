import type { KeyLimit, Metadata } from './api-key.ts'
import { metadataProblem, nameProblem, timeProblem } from './checks.ts'
import { requireInput } from './error.ts'
import { freezeLimits, limitsProblem } from './key-limit.ts'
import { canonicalNetworks, networksProblem } from './network.ts'
import { type Scope, scopeProblem } from './scope.ts'

/** The attributes of a key that people choose. */
export interface Attributes {
  readonly name: string
  readonly scope: Scope
  readonly expiresAt: number | null
  readonly metadata: Metadata
  readonly tokens: boolean
  readonly limits: readonly KeyLimit[] | null
  readonly networks: readonly string[] | null
}

/** @throws `invalid_input` for a wrong attribute. */
export function requireAttributes(attributes: Attributes): void {
  const { name, scope, expiresAt, metadata, tokens, limits, networks } = attributes
  requireInput(nameProblem(name), 'name')
  requireInput(scopeProblem(scope), 'scope')
  requireInput(typeof tokens === 'boolean' ? undefined : 'must be true or false', 'tokens')
  requireInput(expiresAt === null ? undefined : timeProblem(expiresAt), 'expiresAt')
  requireInput(metadataProblem(metadata), 'metadata')
  requireInput(limits === null ? undefined : limitsProblem(limits), 'limits')
  requireInput(networks === null ? undefined : networksProblem(networks), 'networks')
}

/** Whether the key has limits or networks of its own. */
export function isRestricted({
  limits,
  networks,
}: Pick<Attributes, 'limits' | 'networks'>): boolean {
  return (limits !== null && limits.length > 0) || networks !== null
}

/** The limits and networks in the form in which they are stored. Only for valid ones. */
export function storedPolicies({
  limits,
  networks,
}: Pick<Attributes, 'limits' | 'networks'>): Pick<Attributes, 'limits' | 'networks'> {
  return {
    limits: limits && freezeLimits(limits),
    networks: networks && canonicalNetworks(networks),
  }
}
