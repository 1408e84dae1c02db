import type { Slot } from '../secrets/secret.ts'
import type { Json } from './api-key.ts'
import type { ScopeValue } from './scope.ts'

/** The kind of a management change. */
export type ChangeType =
  | 'key.created'
  | 'key.imported'
  | 'key.updated'
  | 'key.enabled'
  | 'key.disabled'
  | 'key.rotated'
  | 'key.renewed'
  | 'key.secondary_ended'
  | 'key.revoked'
  | 'key.deleted'

/** Where a change came from, if the application says so. */
export interface ChangeSource {
  readonly requestId?: string | undefined
  readonly address?: string | undefined
  readonly userAgent?: string | undefined
}

/**
 * One management change of a key. The store writes it together with the change. Contains no secret
 * and no digest of one.
 */
export interface HistoryEntry {
  /** Random and unique. */
  readonly id: string
  readonly type: ChangeType
  /** Epoch milliseconds. The entries of one key have different times, in the order of its changes. */
  readonly at: number
  readonly keyId: string
  /** The version of the record that the change wrote, or of the record that it deleted. */
  readonly version: number
  readonly name: string
  readonly owner: string | null
  /** The tenants of the key after the change. */
  readonly tenants: ScopeValue
  /** The `actor` of the management call. */
  readonly actor: string | null
  /** With `key.renewed` and `key.rotated`: the slots of the new secrets. */
  readonly slots?: readonly Slot[] | undefined
  /**
   * With `key.updated`: the values of each changed member before and after. A keyring limited to
   * tenants does not get them if the key had other tenants before.
   */
  readonly changes?: Readonly<Record<string, readonly [before: Json, after: Json]>> | undefined
  readonly source?: ChangeSource | undefined
  /** With `key.created`: the digest of the request, if the request can be repeated. */
  readonly requestDigest?: string | undefined
}
