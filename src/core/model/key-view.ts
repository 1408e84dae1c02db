import {
  type KeyRecord,
  type KeyState,
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
  readonly name: string
  readonly owner: string | null
  readonly metadata: M
  readonly scope: Scope
  readonly state: KeyState
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly primary: SecretInfo
  readonly secondary: SecretInfo | null
}

/** The public view of a record. Lists each member, so that a new one is not exposed by accident. */
export function viewOf<M extends Metadata>(key: KeyRecord): ApiKey<M> {
  const {
    id,
    name,
    owner,
    scope,
    createdAt,
    updatedAt,
    expiresAt,
    revokedAt,
    primary,
    secondary,
    lastUsedAt,
  } = key
  const info = ({ id, hint, createdAt, expiresAt }: StoredSecret): SecretInfo =>
    Object.freeze({ id, hint, createdAt, expiresAt, lastUsedAt: lastUsedAt[id] ?? null })
  return Object.freeze({
    id,
    name,
    owner,
    metadata: key.metadata as M,
    scope,
    state: stateOf(key),
    createdAt,
    updatedAt,
    expiresAt,
    revokedAt,
    primary: info(primary),
    secondary: secondary && info(secondary),
  })
}
