import type { HistoryEntry } from '../../core/model/history.ts'
import type { StoredKey } from '../../core/store/store.ts'
import { INDEXED, INDEXED_NAME, type Tables } from './migrations.ts'

/**
 * The statements of the store on these tables. Each returns rows, because better-sqlite3 needs
 * another method for those that do not.
 */
export function sqliteStatements(tables: Tables) {
  const { records, index, history, historyIndex, uses, migrations } = tables
  const found = `r.record, (select json_group_object(u.secret_id, u.used_at) from ${uses} u where u.key_id = r.id)`
  // SQLite runs a cross join in the written order: from the index to the values.
  const list = `select i.at, i.key_id, ${found} from ${index} i cross join ${records} r on r.id = i.key_id`
  const entries = `select i.at, i.entry_id, h.entry from ${historyIndex} i cross join ${history} h on h.id = i.entry_id`
  return {
    isTaken: `select 1 from ${migrations} where version = ?`,
    get: `select ${found} from ${records} r where r.id = ?`,
    version: `select version from ${records} where id = ?`,
    create: `insert into ${records} (version, record, labels, created_at, id) values (?, ?, ?, ?, ?) on conflict do nothing returning 1`,
    update: `update ${records} set version = ?, record = ?, labels = ?, created_at = ? where id = ? and version = ? returning 1`,
    delete: `delete from ${records} where id = ? and version = ? returning 1`,
    // Follows the change in its transaction. Without a change there is no entry.
    enter: `insert into ${history} (id, at, labels, entry) select ?, ?, ?, ? where changes() = 1 returning 1`,
    list: inBothOrders(list, 'key_id'),
    history: inBothOrders(entries, 'entry_id'),
    forget: `delete from ${history} where id in (select entry_id from ${historyIndex} where label = 'entry' and at < ? order by at, entry_id limit ?) returning 1`,
    // One statement for the whole batch. Without `where true`, SQLite would parse `on conflict` as
    // part of the join.
    recordUse: `insert into ${uses} select r.id, e.value ->> 'secretId', e.value ->> 'usedAt' from json_each(?) e cross join ${records} r on r.id = e.value ->> 'keyId' where true on conflict do update set used_at = excluded.used_at where excluded.used_at > used_at returning 1`,
    unindexed: `select id, version, record, labels from ${records} where created_at is null and id > ? order by id limit ?`,
    index: `update ${records} as r set labels = e.value ->> 'labels', created_at = e.value ->> 'createdAt' from json_each(?) e where r.id = e.value ->> 'id' and r.version = e.value ->> 'version' and r.created_at is null returning 1`,
    indexed: `insert into ${migrations} values (${INDEXED}, '${INDEXED_NAME}') on conflict do nothing returning 1`,
  }
}

/** A statement that reads an index behind a position, for each order. */
export interface Ordered {
  readonly newest: string
  readonly oldest: string
}

function inBothOrders(select: string, id: string): Ordered {
  const query = (isBehind: '<' | '>', order: 'asc' | 'desc') =>
    `${select} where i.label = ? and (i.at, i.${id}) ${isBehind} (?, ?) order by i.at ${order}, i.${id} ${order} limit ?`
  return { newest: query('<', 'desc'), oldest: query('>', 'asc') }
}

/** Parses a row. Returns a text that is not JSON unchanged: the core reports it as malformed. */
export function parseRow([text, uses]: readonly unknown[]): StoredKey {
  const record = parseText(text) as StoredKey | null
  return record?.kind === 'key'
    ? { ...record, lastUsedAt: JSON.parse(uses as string) }
    : (record as StoredKey)
}

/** Parses a row of the history, as {@link parseRow} does. */
export function parseEntry([text]: readonly unknown[]): HistoryEntry {
  return parseText(text) as HistoryEntry
}

/** Parses a text. Returns one that is not JSON unchanged. */
export function parseText(text: unknown): unknown {
  try {
    return JSON.parse(text as string)
  } catch {
    return text
  }
}
