// Keys in Cloudflare D1, following docs/writing-a-store.md. D1 has one primary database. A read
// without a session never goes to a replica.
import type { KeyRecord, KeyStore, StoredKey } from 'twinkey/store'

/** The part of `D1Database` that the store uses. */
export interface Database {
  prepare(sql: string): Statement
  batch(statements: Statement[]): Promise<unknown>
}

/** The part of `D1PreparedStatement` that the store uses. */
export interface Statement {
  bind(...values: Value[]): Statement
  all<T>(): Promise<{ results: T[]; meta: { changes?: number } }>
}

export type Value = string | number | null

interface Row {
  record: string
  uses: string
}

/** The tables. In production, use a migration of wrangler. */
export const schema = [
  `create table if not exists keys (
    id text primary key, version integer not null, kind text not null, owner text, state text, record text not null
  ) without rowid`,
  'create index if not exists keys_by_owner on keys (owner)',
  `create table if not exists uses (
    key_id text not null, secret_id text not null, used_at integer not null, primary key (key_id, secret_id)
  ) without rowid`,
]

const COLUMNS =
  'record, (select json_group_object(secret_id, used_at) from uses where key_id = id) as uses'

const INSERT =
  'insert into keys (version, kind, owner, state, record, id) values (?, ?, ?, ?, ?, ?) on conflict do nothing'
const UPDATE =
  'update keys set version = ?, kind = ?, owner = ?, state = ?, record = ? where id = ? and version = ?'

const USE = `insert into uses (key_id, secret_id, used_at)
  select ?1, ?2, ?3 where exists (select 1 from keys where id = ?1 and kind = 'key')
  on conflict do update set used_at = max(used_at, excluded.used_at)`

const OF_TENANT = `json_type(record, '$.scope.tenants') = 'array'
  and ? in (select value from json_each(record, '$.scope.tenants'))`

const UNDER_PEPPER = `(substr(record ->> '$.primary.digest', 1, ?) = ?
  or substr(record ->> '$.secondary.digest', 1, ?) = ?)`

export function d1Store(database: Database): KeyStore {
  const run = <T>(sql: string, ...values: Value[]) =>
    database
      .prepare(sql)
      .bind(...values)
      .all<T>()
  const find = async (id: string) =>
    (await run<Row>(`select ${COLUMNS} from keys where id = ?`, id)).results[0]

  return {
    async get(id) {
      const row = await find(id)
      return row && read(row)
    },
    async put(next, expectedVersion) {
      const { id, version, kind } = next
      const [owner, state] = kind === 'key' ? [next.owner ?? null, stateOf(next)] : [null, null]
      const values = [version, kind, owner, state, JSON.stringify(next), id]
      // One statement compares and sets, because other isolates can write at the same time.
      const { meta } = await (expectedVersion === undefined
        ? run(INSERT, ...values)
        : run(UPDATE, ...values, expectedVersion))
      if (meta.changes === 1) return 'stored'
      return expectedVersion === undefined || (await find(id)) !== undefined
        ? 'conflict'
        : 'missing'
    },
    async delete(id, expectedVersion) {
      const { meta } = await run(
        'delete from keys where id = ? and version = ?',
        id,
        expectedVersion,
      )
      if (meta.changes !== 1) return (await find(id)) === undefined ? 'missing' : 'conflict'
      await run('delete from uses where key_id = ?', id)
      return 'deleted'
    },
    async list({ limit, cursor = '', tenant, owner, state, pepper }) {
      const where = ["kind = 'key'", 'id > ?']
      const values: Value[] = [cursor]
      const add = (condition: string, ...more: Value[]) => {
        where.push(condition)
        values.push(...more)
      }
      if (owner !== undefined) add('owner is ?', owner)
      if (state !== undefined) add('state = ?', state)
      if (tenant !== undefined) add(OF_TENANT, tenant)
      if (pepper !== undefined) {
        const begin = pepper === null ? 'sha-256:' : `hmac-sha-256:${pepper}:`
        add(UNDER_PEPPER, begin.length, begin, begin.length, begin)
      }
      const sql = `select ${COLUMNS} from keys where ${where.join(' and ')} order by id limit ?`
      // One key more than the limit: there is another page.
      const { results } = await run<Row>(sql, ...values, limit + 1)
      const keys = results.slice(0, limit).map((row) => read(row) as KeyRecord)
      return { keys, next: results.length > limit ? keys.at(-1)?.id : undefined }
    },
    async recordUse(uses) {
      const use = database.prepare(USE)
      if (uses.length > 0)
        await database.batch(
          uses.map(({ keyId, secretId, usedAt }) => use.bind(keyId, secretId, usedAt)),
        )
    },
  }
}

function read({ record, uses }: Row): StoredKey {
  const key = JSON.parse(record) as StoredKey
  return key.kind === 'key' ? { ...key, lastUsedAt: JSON.parse(uses) } : key
}

function stateOf({ revokedAt, enabled }: KeyRecord): string {
  if (revokedAt !== null) return 'revoked'
  return enabled ? 'enabled' : 'disabled'
}
