import { randomBytes } from 'node:crypto'
import { createTwinkey } from 'twinkey'
import type { KeyRecord, KeyStore } from 'twinkey/store'

/** The number of keys for each tenant and for each owner. */
export const KEYS_PER_TENANT = 100
export const KEYS_PER_OWNER = 10

/** A key as a store wrote it, as the template for copies. */
export interface Original {
  readonly record: KeyRecord
  /** The stored text of the key. */
  readonly text: string
}

/** The first key of a store, written by the store itself. */
export async function originalIn(store: KeyStore): Promise<Original> {
  const { keys, close } = createTwinkey({ store })
  const { key } = await keys.create({
    name: 'One of many',
    owner: 'owner-000000',
    scope: { tenants: [tenantOf(0)], workflows: '*' },
  })
  await close()
  const record = await store.get(key.id)
  if (record?.kind !== 'key') throw new Error('the key is not there')
  const { lastUsedAt: _, ...kept } = record
  return { record, text: JSON.stringify(kept) }
}

/** The tenant of a key, by its number. */
export function tenantOf(n: number): string {
  return `tenant-${String(Math.floor(n / KEYS_PER_TENANT)).padStart(6, '0')}`
}

/** Makes another key: ids, digests and names differ but have the same length. */
export function copyOf({ record }: Original, n: number): Original {
  const random = randomBytes(12 * 3 + 32 * 2)
  const id = (at: number) => random.toString('base64url', at * 12, at * 12 + 12)
  const digest = (at: number) =>
    `sha-256:${random.toString('base64url', 36 + at * 32, 68 + at * 32)}`
  const { lastUsedAt, primary, secondary, ...rest } = record
  const kept = {
    ...rest,
    id: id(0),
    version: record.version + n,
    owner: `owner-${String(Math.floor(n / KEYS_PER_OWNER)).padStart(6, '0')}`,
    scope: { ...record.scope, tenants: [tenantOf(n)] },
    primary: { ...primary, id: id(1), digest: digest(0) },
    secondary: secondary && { ...secondary, id: id(2), digest: digest(1) },
  }
  return { record: { ...kept, lastUsedAt }, text: JSON.stringify(kept) }
}

/** Replaces the original by the copy in a name. */
export function renamed(name: string, original: Original, copy: Original): string {
  const [from, to] = [original.record, copy.record]
  return name
    .replace(String(from.owner), String(to.owner))
    .replace(String(from.scope.tenants), String(to.scope.tenants))
}
