import { randomBytes } from 'node:crypto'
import { createTwinkey } from 'twinkey'
import type { KeyRecord, KeyStore } from 'twinkey/store'

/** The number of keys for each tenant and for each owner. */
export const KEYS_PER_TENANT = 100
export const KEYS_PER_OWNER = 10
/** The pepper of half of the keys. */
export const PEPPER = 'p1'
export const DAY = 86_400_000
const SECOND = 1000
const WORDS = ['billing', 'reports', 'imports', 'exports', 'gateway', 'mobile app', 'website']

/** A key as a store wrote it, as the template for copies. */
export interface Original {
  readonly record: KeyRecord
  /** The stored text of the key. */
  readonly text: string
  /** How many keys there are. */
  readonly keys: number
}

/** The first key of a store, written by the store itself. */
export async function originalIn(store: KeyStore, keys: number): Promise<Original> {
  const now = Date.now() - keys * SECOND
  const twinkey = createTwinkey({ store, now: () => now })
  const { key } = await twinkey.keys.create({
    name: nameOf(0),
    owner: ownerOf(0, keys),
    scope: { tenants: [tenantOf(0, keys)], workflows: '*' },
  })
  await twinkey.close()
  const record = await store.get(key.id)
  if (record?.kind !== 'key') throw new Error('the key is not there')
  return { record, text: textOf(record), keys }
}

/** The tenant of a key, by its number. The keys of a tenant are spread over all times. */
export function tenantOf(n: number, keys: number): string {
  return `tenant-${String(Math.floor(n % (keys / KEYS_PER_TENANT))).padStart(6, '0')}`
}

export function ownerOf(n: number, keys: number): string {
  return `owner-${String(Math.floor(n % (keys / KEYS_PER_OWNER))).padStart(6, '0')}`
}

/** The beginning of the names of one key in seven. */
export const NAME = WORDS[2] as string

function nameOf(n: number): string {
  return `${WORDS[n % WORDS.length]} ${String(n).padStart(7, '0')}`
}

/**
 * Makes another key. Each is one second younger than the one before. Of fifty, on average one is
 * disabled, one revoked, one expired, and ten expire in the next hundred days.
 */
export function copyOf({ record, keys }: Original, n: number): Original {
  const random = randomBytes(12 * 3 + 32 * 2 + 6)
  const id = (at: number) => random.toString('base64url', at * 12, at * 12 + 12)
  const digest = (at: number) =>
    `${n % 2 === 0 ? `hmac-sha-256:${PEPPER}` : 'sha-256'}:${random.toString('base64url', 36 + at * 32, 68 + at * 32)}`
  const hint = (at: number) => random.toString('base64url', 100 + at * 3, 103 + at * 3)
  const createdAt = record.createdAt + n * SECOND
  const kind = below(50)
  const today = record.createdAt + keys * SECOND
  const { primary, secondary } = record
  const copy: KeyRecord = {
    ...record,
    id: id(0),
    version: record.version + n,
    revision: record.version + n,
    name: nameOf(n),
    owner: ownerOf(n, keys),
    scope: { ...record.scope, tenants: [tenantOf(n, keys)] },
    createdAt,
    updatedAt: createdAt,
    disabledBy: kind === 0 ? { actor: null, owner: null, tenants: null, at: createdAt } : null,
    revokedAt: kind === 1 ? createdAt : null,
    expiresAt: kind === 2 ? createdAt + 1 : kind > 39 ? today + (1 + below(100)) * DAY : null,
    primary: { ...primary, id: id(1), digest: digest(0), hint: hint(0) },
    secondary: secondary && { ...secondary, id: id(2), digest: digest(1), hint: hint(1) },
    lastUsedAt: { [id(1)]: today - below(97) * DAY },
  }
  return { record: copy, text: textOf(copy), keys }
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit)
}

/** The record as the stores write it. */
function textOf({ lastUsedAt: _, ...record }: KeyRecord): string {
  return JSON.stringify(record)
}
