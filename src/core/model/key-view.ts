import {
  type DisabledBy,
  type KeyLimit,
  type KeyRecord,
  type KeyState,
  lastUseOf,
  type Metadata,
  type StoredSecret,
  stateOf,
} from './api-key.ts'
import type { Scope } from './scope.ts'

/** The public view of one slot. */
export interface SecretInfo {
  readonly id: string
  /** The last four characters of the secret, so that people can recognise it. */
  readonly hint: string
  readonly createdAt: number
  /** When this secret expires; null for never. */
  readonly expiresAt: number | null
  /**
   * When this secret, or a token issued for it, was last used; null for never. May lag by about a
   * minute.
   */
  readonly lastUsedAt: number | null
}

/**
 * An API key without its secrets and digests, as management calls return it. Frozen. Times are
 * epoch milliseconds.
 */
export interface ApiKey<M extends Metadata = Metadata> {
  readonly id: string
  /** A number that changes with every management change, by more than 1. Pass it as `expectedVersion` to detect others' changes. */
  readonly version: number
  readonly name: string
  readonly owner: string | null
  readonly metadata: M
  readonly scope: Scope
  /** The state when the key was read. */
  readonly state: KeyState
  /** Whether the key may be exchanged for tokens. */
  readonly tokens: boolean
  /**
   * How many requests it may make. Empty for no limit. Null if the limits of the deployment apply:
   * `policies.limits` of {@link createTwinkey}.
   */
  readonly limits: readonly KeyLimit[] | null
  /** The networks from which it works, in CIDR notation; null for all. */
  readonly networks: readonly string[] | null
  /** Who disabled the key; null for a key that is not disabled. */
  readonly disabledBy: DisabledBy | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  /**
   * The last use of either secret, or of a token issued for it; null for never. Does not include the
   * use of secrets that were replaced.
   */
  readonly lastUsedAt: number | null
  readonly primary: SecretInfo
  readonly secondary: SecretInfo | null
}

/** The public view of a record. Lists each member, so that a new one is not exposed by accident. */
export function viewOf<M extends Metadata>(key: KeyRecord, now: number): ApiKey<M> {
  const info = ({ id, hint, createdAt, expiresAt }: StoredSecret): SecretInfo =>
    Object.freeze({ id, hint, createdAt, expiresAt, lastUsedAt: key.lastUsedAt[id] ?? null })
  return Object.freeze({
    id: key.id,
    version: key.revision,
    name: key.name,
    owner: key.owner,
    metadata: key.metadata as M,
    scope: key.scope,
    state: stateOf(key, now),
    tokens: key.tokens,
    limits: key.limits,
    networks: key.networks,
    disabledBy: key.disabledBy,
    createdAt: key.createdAt,
    updatedAt: key.updatedAt,
    expiresAt: key.expiresAt,
    revokedAt: key.revokedAt,
    lastUsedAt: lastUseOf(key),
    primary: info(key.primary),
    secondary: key.secondary && info(key.secondary),
  })
}
