import type { KeyRecord, StoredSecret } from '../core/model/api-key.ts'
import type { HistoryEntry } from '../core/model/history.ts'

/** The time of the entries and the queries of the contract: 1 January 2026, 00:00 UTC. */
export const NOW = 1_767_225_600_000

/** Makes a key record with a unique id. */
export function newKey(attributes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    kind: 'key',
    format: 2,
    id: newId(),
    version: 281_474_976_710_655,
    revision: 281_474_976_710_655,
    name: 'contract',
    owner: null,
    metadata: {},
    scope: { tenants: '*', environments: '*', workflows: '*' },
    tokens: true,
    limits: null,
    networks: null,
    disabledBy: null,
    createdAt: 1,
    updatedAt: 2,
    expiresAt: null,
    revokedAt: null,
    primary: newSecret(`sha-256:${'a'.repeat(42)}A`),
    secondary: newSecret(`sha-256:${'b'.repeat(42)}A`),
    revokedTokens: {},
    lastUsedAt: {},
    ...attributes,
  }
}

/** Makes a stored secret with a unique id. */
export function newSecret(digest: string): StoredSecret {
  return { id: newId(), digest, hint: 'abcd', createdAt: 1, expiresAt: null }
}

/** The next version of a record, after a change. */
export function changedKey(key: KeyRecord, change: Partial<KeyRecord> = {}): KeyRecord {
  const version = key.version + 1
  return { ...key, version, revision: version, ...change }
}

/** A scope that lists these tenants. */
export function tenantScope(...tenants: string[]): KeyRecord['scope'] {
  return { tenants, environments: '*', workflows: '*' }
}

/** Makes the entry of a change that wrote or deleted this record. */
export function newEntry(key: KeyRecord, attributes: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    id: newId(),
    type: 'key.updated',
    at: NOW,
    keyId: key.id,
    version: key.version,
    name: key.name,
    owner: key.owner,
    tenants: key.scope.tenants,
    actor: null,
    ...attributes,
  }
}

/** Makes a unique id. */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
}
