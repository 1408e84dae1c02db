import {
  type KeyRecord,
  type KeyState,
  type Metadata,
  type StoredSecret,
  stateOf,
} from './api-key.ts'
import type { Scope } from './scope.ts'

/** What may be shown of one slot of a key. */
export interface SecretInfo {
  readonly id: string
  /** The last four characters, by which a person tells one secret from another. */
  readonly hint: string
  readonly createdAt: number
  /** When this secret dies, or null. */
  readonly expiresAt: number | null
  /**
   * When this secret, or a token that it minted, was last used: at most about a minute behind. Null
   * where it never was.
   */
  readonly lastUsedAt: number | null
}

/**
 * An API key as management shows it: everything but the secrets and their digests. Frozen. Times
 * are epoch milliseconds.
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

/**
 * What may be shown of a record. Members are named one by one, so that a new one is not shown by
 * accident.
 */
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
