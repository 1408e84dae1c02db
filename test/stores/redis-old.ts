import { readFileSync } from 'node:fs'
import type { Cluster, Redis } from 'ioredis'

// The data and the commands of the Redis store of the pre-release, as that version sent them.

interface OldVersion {
  readonly scripts: Readonly<Record<'change' | 'command' | 'use', string>>
  /** The primary secret of the key with the name `Enabled`. */
  readonly secret: string
  readonly hashes: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** The members of the sorted sets. All have score 0. */
  readonly sets: Readonly<Record<string, readonly string[]>>
}

export interface OldRecord {
  readonly kind: 'key' | 'alias'
  readonly id: string
  readonly version: number
  readonly name: string
  readonly owner: string | null
  readonly enabled: boolean
  readonly revokedAt: number | null
  readonly createdAt: number
  readonly scope: { readonly tenants: readonly string[] | '*' }
  readonly primary: { readonly id: string; readonly digest: string }
}

export const OLD: OldVersion = JSON.parse(
  readFileSync(new URL('redis-pre-release.json', import.meta.url), 'utf8'),
)

/** The records of the fixture, without aliases. */
export const OLD_KEYS: readonly OldRecord[] = Object.values(OLD.hashes)
  .map(({ record }) => JSON.parse(record as string) as OldRecord)
  .filter(({ kind }) => kind === 'key')

type Client = Redis | Cluster

/** Writes the data of the pre-release, with its default prefix. */
export async function seedOld(client: Client): Promise<void> {
  for (const [name, fields] of Object.entries(OLD.hashes)) await client.hset(name, fields)
  for (const [name, members] of Object.entries(OLD.sets))
    await client.zadd(name, ...members.flatMap((member) => ['0', member]))
}

/** A copy of an enabled record of the pre-release. */
export function oldRecord(change: Partial<OldRecord>): OldRecord {
  const found = OLD_KEYS.find(({ name }) => name === 'Enabled') as OldRecord
  return { ...found, ...change }
}

function labelsOf({ kind, owner, scope, enabled, revokedAt }: OldRecord): string[] {
  if (kind === 'alias') return []
  const state = revokedAt !== null ? 'revoked' : enabled ? 'enabled' : 'disabled'
  const tenants = scope.tenants === '*' ? [] : scope.tenants
  return [
    ...tenants.map((tenant) => `tenant:${tenant}`),
    owner === null ? 'no-owner' : `owner:${owner}`,
    'no-pepper',
    `state:${state}`,
    'key',
  ]
}

/** The store of the pre-release, step by step. */
export function oldStore(client: Client) {
  const slot = (id: string) => `twinkey:{${id}}`
  const set = (label: string) => `twinkey:label:${encodeURIComponent(label)}`
  const command = (key: string, ...args: string[]) =>
    client.eval(OLD.scripts.command, 1, key, ...args)

  const store = {
    add: (record: OldRecord, write: string) =>
      Promise.all(
        labelsOf(record).map((label) => command(set(label), 'ZADD', '0', `${record.id} ${write}`)),
      ),
    async change(id: string, expected: number | undefined, ...next: string[]) {
      const args = [String(expected ?? ''), 'twinkey:changed', id, ...next]
      const [outcome] = (await client.eval(OLD.scripts.change, 1, slot(id), ...args)) as string[]
      return outcome
    },
    /** The second step of `put`. */
    write: (record: OldRecord, expected: number | undefined, write: string) =>
      store.change(record.id, expected, String(record.version), write, JSON.stringify(record)),
    async put(record: OldRecord, expected: number | undefined) {
      const write = crypto.randomUUID()
      await store.add(record, write)
      return store.write(record, expected, write)
    },
    delete: (id: string, expected: number) => store.change(id, expected),
    async get(id: string) {
      const fields = (await command(slot(id), 'HGETALL')) as string[]
      return fields.length === 0
        ? undefined
        : JSON.parse(fields[fields.indexOf('record') + 1] ?? '')
    },
    /** The first page of a list by one label. */
    list: (label: string) => command(set(label), 'ZRANGEBYLEX', '-', '+', 'LIMIT', '0', '101'),
    recordUse: (id: string, secretId: string, usedAt: number) =>
      client.eval(OLD.scripts.use, 1, slot(id), secretId, String(usedAt)),
  }
  return store
}
