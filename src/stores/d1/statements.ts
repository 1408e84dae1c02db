import type { ListQuery, Position } from '../../core/store/store.ts'
import type { Tables } from './migrations.ts'

/** A row of a key. */
export interface KeyRow {
  readonly record: string
  /** The last use of each secret, as JSON. */
  readonly uses: string
}

export interface EntryRow {
  readonly entry: string
}

const MAX_FORGOTTEN = 1000

/** The statements of the store on these tables. */
export function d1Statements({
  keys,
  keysByLabel,
  uses,
  history,
  historyByLabel,
  migrations,
}: Tables) {
  const found = `k.record, (select json_group_object(u.secret_id, u.used_at) from ${uses} u where u.key_id = k.id) as uses`
  // A batch is one transaction, but it cannot stop in the middle. So each of its statements has the
  // condition that the version of the key (?1) is the expected one (?2, null for no key).
  const isExpected = `(select version from ${keys} where id = ?1) is ?2`
  const oldest = `select entry_id from ${historyByLabel} where label = 'entry' and at < ?1 order by at, entry_id limit ${MAX_FORGOTTEN}`
  // SQLite runs a cross join in the written order: from the index to the values.
  const page = (select: string, id: string, sort: ListQuery['sort']) => {
    const [isBehind, order] = sort === 'newest' ? ['<', 'desc'] : ['>', 'asc']
    return `${select} where i.label = ?1 and (i.at, i.${id}) ${isBehind} (?2, ?3) order by i.at ${order}, i.${id} ${order} limit ?4`
  }
  return {
    isTaken: `select 1 from ${migrations} where version >= ?1 limit 1`,
    get: `select ${found} from ${keys} k where k.id = ?1`,
    version: `select version from ${keys} where id = ?1`,
    enter: `insert into ${history} select ?3, ?4 where ${isExpected}`,
    indexEntry: `insert into ${historyByLabel} select value, ?4, ?3 from json_each(?5) where ${isExpected}`,
    unindex: `delete from ${keysByLabel} where key_id = ?1 and ${isExpected}`,
    index: `insert into ${keysByLabel} select value, ?3, ?1 from json_each(?4) where ${isExpected}`,
    forgetUses: `delete from ${uses} where key_id = ?1 and ${isExpected}`,
    // The last statement of a change: from here on, the version is another one.
    put: `insert into ${keys} select ?1, ?3, ?4 where ${isExpected} on conflict do update set version = excluded.version, record = excluded.record`,
    delete: `delete from ${keys} where id = ?1 and ${isExpected}`,
    list: (sort: ListQuery['sort']) =>
      page(
        `select i.at, i.key_id as id, ${found} from ${keysByLabel} i cross join ${keys} k on k.id = i.key_id`,
        'key_id',
        sort,
      ),
    history: (sort: ListQuery['sort']) =>
      page(
        `select i.at, i.entry_id as id, h.entry from ${historyByLabel} i cross join ${history} h on h.id = i.entry_id`,
        'entry_id',
        sort,
      ),
    forget: `delete from ${history} where id in (${oldest})`,
    forgetIndex: `delete from ${historyByLabel} where entry_id in (${oldest})`,
    // One statement for the whole batch. Without `where true`, SQLite would parse `on conflict` as
    // part of the join.
    recordUse: `insert into ${uses} select k.id, e.value ->> 'secretId', e.value ->> 'usedAt' from json_each(?1) e cross join ${keys} k on k.id = e.value ->> 'keyId' where true on conflict do update set used_at = excluded.used_at where excluded.used_at > used_at`,
    clock: `select cast((julianday('now') - 2440587.5) * 86400000 as integer) as now`,
  }
}

export type Statements = ReturnType<typeof d1Statements>

/** A row of an index. */
export type Placed<Row> = Row & Position
