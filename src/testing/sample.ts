import type { KeyRecord, StoredSecret } from '../core/model/api-key.ts'

/** Makes a key record with a unique id. */
export function newKey(attributes: Partial<KeyRecord> = {}): KeyRecord {
  return {
    kind: 'key',
    id: newId(),
    version: 281_474_976_710_655,
    name: 'contract',
    owner: null,
    metadata: {},
    scope: { tenants: '*', environments: '*', workflows: '*' },
    enabled: true,
    createdAt: 1,
    updatedAt: 2,
    expiresAt: null,
    revokedAt: null,
    primary: newSecret(`sha-256:${'a'.repeat(43)}`),
    secondary: newSecret(`sha-256:${'b'.repeat(43)}`),
    lastUsedAt: {},
    ...attributes,
  }
}

/** Makes a stored secret with a unique id. */
export function newSecret(digest: string): StoredSecret {
  return { id: newId(), digest, hint: 'abcd', createdAt: 1, expiresAt: null }
}

/** Makes a unique id. */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
}
