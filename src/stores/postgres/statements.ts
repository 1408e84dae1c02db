import type { HistoryEntry } from '../../core/model/history.ts'
import type { ListQuery, StoredKey } from '../../core/store/store.ts'
import type { Names } from './migrations.ts'

/** A row of a key. */
export interface Row {
  readonly record: string
  readonly uses: string | null
}

/** A row of an index. What it leads to is null if it does not exist. */
export interface IndexRow {
  readonly at: string
  readonly id: string
}

export type KeyRow = IndexRow & (Row | { readonly record: null })

export interface EntryRow extends IndexRow {
  readonly entry: string | null
}

// All values are passed and returned as text or numbers, because drivers convert lists, JSON and
// bigint differently. A statement sees the rows as they were when it began. If a row is locked, the
// statement waits and then reads the current version of that row.
/** The statements of the store on these tables. */
export function postgresStatements({ keys, keysByLabel, uses, history, historyByLabel }: Names) {
  const usesOf = (id: string) =>
    `(select json_object_agg(secret_id, used_at)::text from ${uses} where key_id = ${id}) as uses`
  // A statement locks the row before it reads the version, so a statement that had to wait reads
  // the current version.
  const locked = (mode: string) =>
    `with found as (select version from ${keys} where id = $2 for ${mode})`
  const version = '(select version from found)'
  const isWritten = '(select pg_notify($1, id)::text from written) is not null'
  const isThere = `exists (select from ${keys} where id = $2)`
  // A row that is visible but cannot be locked was deleted concurrently, or a row-level security
  // policy forbids changing it.
  const outcome = (done: string) =>
    `select case when ${isWritten} then '${done}' when ${version} = $3::bigint or (${version} is null and ${isThere}) then 'again' when ${version} is null then 'missing' else 'conflict' end as outcome`
  // The parameters are the id of the entry, or null, its time, its text, and a list of its labels.
  // References between the new rows are checked at the end of the statement.
  const recorded = (id: number) =>
    `told as (insert into ${history} select $${id}, $${id + 2}::text::json from written where $${id}::text is not null),
told_by_label as (insert into ${historyByLabel} select label, $${id + 1}::bigint, $${id} from written, json_array_elements_text($${id + 3}::text::json) label on conflict do nothing)`
  // One page of an index. What it leads to is joined to the page, not to the whole index.
  const page = (index: string, id: string, sort: ListQuery['sort']) => {
    const [compare, order] = sort === 'newest' ? ['<', ' desc'] : ['>', '']
    return `(select at, ${id} as id from ${index} where label = $1 and (at, ${id}) ${compare} ($2::bigint, $3) order by at${order}, ${id}${order} limit $4::bigint) p`
  }
  const inOrder = (sort: ListQuery['sort']) =>
    sort === 'newest' ? 'order by p.at desc, p.id desc' : 'order by p.at, p.id'
  return {
    get: `select record::text as record, ${usesOf('id')} from ${keys} where id = $1`,
    create: `with written as (insert into ${keys} values ($2, $3::bigint, $4::text::json) on conflict do nothing returning id),
indexed as (insert into ${keysByLabel} select label, $5::bigint, id from written, json_array_elements_text($6::text::json) label),
${recorded(7)}
select case when ${isWritten} then 'stored' when ${isThere} then 'conflict' else 'again' end as outcome`,
    // The statement also compares the version in its snapshot. If the expected version was written
    // after the snapshot, the index in the snapshot is outdated, so the statement writes nothing
    // and is retried. If a key has more than 64 recorded uses, those of former secrets are deleted.
    update: `${locked('no key update')},
written as (update ${keys} set version = $4::bigint, record = $5::text::json where id = $2 and version = $3::bigint and ${version} = $3::bigint returning id),
asked as (select label from json_array_elements_text($7::text::json) label),
unindexed as (delete from ${keysByLabel} using written where key_id = id and (at <> $6::bigint or label not in (select label from asked))),
indexed as (insert into ${keysByLabel} select label, $6::bigint, id from written, asked on conflict do nothing),
stale as (select secret_id from ${uses} u, written where key_id = id and strpos($5, secret_id) = 0 and (select count(*) from ${uses} where key_id = id) > 64 for update of u skip locked),
forgotten as (delete from ${uses} u using stale where key_id = $2 and u.secret_id = stale.secret_id),
${recorded(8)}
${outcome('stored')}`,
    // As in `update`, the index in the snapshot must be that of the expected version.
    delete: `${locked('update')},
written as (delete from ${keys} where id = $2 and version = $3::bigint and ${version} = $3::bigint returning id),
unindexed as (delete from ${keysByLabel} using written where key_id = id),
${recorded(4)}
${outcome('deleted')}`,
    list: (sort: ListQuery['sort']) =>
      `select p.at::text as at, p.id, k.record::text as record, ${usesOf('p.id')} from ${page(keysByLabel, 'key_id', sort)} left join ${keys} k on k.id = p.id ${inOrder(sort)}`,
    history: (sort: ListQuery['sort']) =>
      `select p.at::text as at, p.id, h.entry::text as entry from ${page(historyByLabel, 'entry_id', sort)} left join ${history} h on h.id = p.id ${inOrder(sort)}`,
    // Every entry has the label 'entry'. Two calls at the same time delete different entries.
    forgetHistory: `with oldest as (select h.id from ${historyByLabel} l join ${history} h on h.id = l.entry_id where label = 'entry' and at < $1::bigint order by at, entry_id limit 1000 for update of h skip locked),
forgotten as (delete from ${history} h using oldest where h.id = oldest.id returning 1)
select count(*)::int as forgotten from forgotten`,
    // Rows are locked in order, so that two batches cannot deadlock. The lock mode is that of a
    // foreign key: it blocks deletion of a record, but not updates.
    recordUse: `with used as (select "keyId" as key_id, "secretId" as secret_id, max("usedAt") as used_at from json_to_recordset($1::text::json) as u("keyId" text, "secretId" text, "usedAt" bigint) group by 1, 2),
held as (select id from ${keys} where id in (select key_id from used) order by id for key share)
insert into ${uses} as u select id, secret_id, used_at from held join used on key_id = id order by 1, 2 on conflict (key_id, secret_id) do update set used_at = excluded.used_at where u.used_at < excluded.used_at`,
  }
}

/** A malformed record is returned as it is, so that the core reports it. */
export function parsePostgresRow({ record, uses }: Row): StoredKey {
  const stored = JSON.parse(record) as StoredKey | null
  return stored?.kind === 'key'
    ? { ...stored, lastUsedAt: uses === null ? {} : JSON.parse(uses) }
    : (stored as StoredKey)
}

export function parsePostgresEntry({ entry }: EntryRow): HistoryEntry | undefined {
  return entry === null ? undefined : JSON.parse(entry)
}
