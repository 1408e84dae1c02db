// Keys in Cloudflare D1, following docs/writing-a-store.md. D1 has one primary database. A read
// without a session never goes to a replica.
import {
  fillPage,
  type HistoryEntry,
  historyLabelsOf,
  isListed,
  type KeyRecord,
  type KeyStore,
  labelsOf,
  leadingHistoryLabel,
  leadingLabel,
  matchesHistory,
  type Position,
  type Scan,
  type StoredKey,
} from 'twinkey/store'

/** The part of `D1Database` that the store uses. */
export interface Database {
  prepare(sql: string): Statement
  /** Runs statements in one transaction. */
  batch<T>(statements: Statement[]): Promise<Result<T>[]>
}

/** The part of `D1PreparedStatement` that the store uses. */
export interface Statement {
  bind(...values: Value[]): Statement
  all<T>(): Promise<Result<T>>
}

/** The part of `D1Result` that the store uses. */
export interface Result<T> {
  results: T[]
  meta: { changes?: number }
}

export type Value = string | number | null

/** The tables. In production, use a migration of wrangler. */
export const schema = [
  'create table if not exists keys (id text primary key, version integer not null, record text not null)',
  `create table if not exists key_index (
    label text not null, at integer not null, id text not null, primary key (label, at, id)
  ) without rowid`,
  'create index if not exists labels_of_key on key_index (id)',
  'create table if not exists history (id text primary key, entry text not null)',
  `create table if not exists history_index (
    label text not null, at integer not null, id text not null, primary key (label, at, id)
  ) without rowid`,
  'create index if not exists labels_of_entry on history_index (id)',
  `create table if not exists uses (
    key_id text not null, secret_id text not null, used_at integer not null, primary key (key_id, secret_id)
  ) without rowid`,
]

const COLUMNS =
  'record, (select json_group_object(secret_id, used_at) from uses where key_id = k.id) as uses'
const GET = `select ${COLUMNS} from keys k where id = ?`

// A write is a batch, which is atomic. Each of its statements has the condition that the version of
// the key (?1) is the expected one (?2, null for no key). The last statement changes the version.
const IF = '(select version from keys where id = ?1) is ?2'
const ADD_ENTRY = `insert into history select ?3, ?4 where ${IF}`
const INDEX_ENTRY = `insert into history_index select value, ?4, ?3 from json_each(?5) where ${IF}`
const UNINDEX = `delete from key_index where id = ?1 and ${IF}`
const INDEX = `insert into key_index select value, ?3, ?1 from json_each(?4) where ${IF}`
const PUT = `insert into keys select ?1, ?3, ?4 where ${IF}
  on conflict do update set version = excluded.version, record = excluded.record`
const FORGET_USES = `delete from uses where key_id = ?1 and ${IF}`
const DELETE = `delete from keys where id = ?1 and ${IF}`

const LIST = `select i.at, i.id, ${COLUMNS} from key_index i cross join keys k on k.id = i.id`
const HISTORY = 'select i.at, i.id, entry from history_index i cross join history h on h.id = i.id'

const OLDEST = `select id from history_index where label = 'entry' and at < ? order by at, id limit 1000`

const USE = `insert into uses select ?1, ?2, ?3 where exists (select 1 from keys where id = ?1)
  on conflict do update set used_at = max(used_at, excluded.used_at)`

interface KeyRow extends Position {
  record: string
  uses: string
}

interface EntryRow extends Position {
  entry: string
}

export function d1Store(database: Database): KeyStore {
  const prepare = (sql: string, ...values: Value[]) => database.prepare(sql).bind(...values)
  const find = async (id: string) => (await prepare(GET, id).all<KeyRow>()).results[0]

  /** Runs a batch that changes a key. Returns whether the version was the expected one. */
  const write = async (
    id: string,
    expectedVersion: number | undefined,
    entry: HistoryEntry | undefined,
    ...change: [sql: string, ...values: Value[]][]
  ) => {
    const statements = [...entryStatements(entry), [UNINDEX] as const, ...change]
    const results = await database.batch(
      statements.map(([sql, ...values]) => prepare(sql, id, expectedVersion ?? null, ...values)),
    )
    return results.at(-1)?.meta.changes === 1
  }

  /** Reads an index for `fillPage`: at most `count` rows of a label behind a position. */
  const scan = <Row extends Position, T>(
    select: string,
    label: string,
    sort: 'newest' | 'oldest',
    parse: (row: Row) => T,
  ) => {
    const [order, isBehind] = sort === 'newest' ? ['desc', '<'] : ['asc', '>']
    const sql = `${select} where i.label = ? and (i.at, i.id) ${isBehind} (?, ?)
      order by i.at ${order}, i.id ${order} limit ?`
    const start = { at: sort === 'newest' ? Number.MAX_SAFE_INTEGER : -1, id: '' }
    return async (after: Position | undefined, count: number): Promise<Scan<T>> => {
      const { at, id } = after ?? start
      const { results } = await prepare(sql, label, at, id, count).all<Row>()
      const found = results.map((row) => ({ at: { at: row.at, id: row.id }, value: parse(row) }))
      return { found, isEnd: found.length < count }
    }
  }

  return {
    async get(id) {
      const row = await find(id)
      return row && read(row)
    },
    async put(next, expectedVersion, entry) {
      const { id, version } = next
      const createdAt = next.kind === 'key' ? next.createdAt : 0
      const isDone = await write(
        id,
        expectedVersion,
        entry,
        [INDEX, createdAt, JSON.stringify(labelsOf(next))],
        [PUT, version, JSON.stringify(next)],
      )
      if (isDone) return 'stored'
      return expectedVersion === undefined || (await find(id)) !== undefined
        ? 'conflict'
        : 'missing'
    },
    async delete(id, expectedVersion, entry) {
      if (await write(id, expectedVersion, entry, [FORGET_USES], [DELETE])) return 'deleted'
      return (await find(id)) === undefined ? 'missing' : 'conflict'
    },
    async list(query) {
      const rows = scan(LIST, leadingLabel(query), query.sort, read)
      const { values, next } = await fillPage(query, rows, (key) => isListed(key, query))
      return { keys: values as KeyRecord[], next }
    },
    async history(query) {
      const label = leadingHistoryLabel(query)
      const rows = scan(HISTORY, label, query.sort, ({ entry }: EntryRow) => JSON.parse(entry))
      const { values, next } = await fillPage(query, rows, (entry) => matchesHistory(entry, query))
      return { entries: values, next }
    },
    async forgetHistory(before) {
      const [forgotten] = await database.batch([
        prepare(`delete from history where id in (${OLDEST})`, before),
        prepare(`delete from history_index where id in (${OLDEST})`, before),
      ])
      return forgotten?.meta.changes ?? 0
    },
    async recordUse(uses) {
      if (uses.length > 0)
        await database.batch(
          uses.map(({ keyId, secretId, usedAt }) => prepare(USE, keyId, secretId, usedAt)),
        )
    },
  }
}

function entryStatements(entry: HistoryEntry | undefined): [sql: string, ...values: Value[]][] {
  if (entry === undefined) return []
  const labels = JSON.stringify(historyLabelsOf(entry))
  return [
    [ADD_ENTRY, entry.id, JSON.stringify(entry)],
    [INDEX_ENTRY, entry.id, entry.at, labels],
  ]
}

function read({ record, uses }: KeyRow): StoredKey {
  const key = JSON.parse(record) as StoredKey
  return key.kind === 'key' ? { ...key, lastUsedAt: JSON.parse(uses) } : key
}
