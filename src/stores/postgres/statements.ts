import type { StoredKey } from '../../core/store/store.ts'
import type { Names } from './migrations.ts'

/** A row of a key, as `get` and `list` return it. */
export interface Row {
  readonly id: string
  readonly record: string
  readonly uses: string | null
}

// All values are passed and returned as text or numbers, because drivers convert lists, JSON and
// bigint differently. A statement sees the rows as they were when it began. If a row is locked, the
// statement waits and then reads the current version of that row.
/** The statements of the store on these tables. */
export function postgresStatements({ keys, labels, uses }: Names) {
  const found = `id, record::text as record, (select json_object_agg(secret_id, used_at)::text from ${uses} where key_id = id) as uses`
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
  return {
    get: `select ${found} from ${keys} where id = $1`,
    create: `with written as (insert into ${keys} values ($2, $3::bigint, $4::text::json) on conflict do nothing returning id),
labelled as (insert into ${labels} select label, id from written, json_array_elements_text($5::text::json) label)
select case when ${isWritten} then 'stored' when ${isThere} then 'conflict' else 'again' end as outcome`,
    // The statement also compares the version in its snapshot. If the expected version was written
    // after the snapshot, the labels in the snapshot are outdated, so the statement writes nothing
    // and is retried. If a key has more than 64 recorded uses, those of former secrets are deleted.
    update: `${locked('no key update')},
written as (update ${keys} set version = $4::bigint, record = $5::text::json where id = $2 and version = $3::bigint and ${version} = $3::bigint returning id),
asked as (select label from json_array_elements_text($6::text::json) label),
unlabelled as (delete from ${labels} l using written where key_id = id and label not in (select label from asked)),
labelled as (insert into ${labels} select label, id from written, asked on conflict do nothing),
stale as (select secret_id from ${uses} u, written where key_id = id and strpos($5, secret_id) = 0 and (select count(*) from ${uses} where key_id = id) > 64 for update of u skip locked),
forgotten as (delete from ${uses} u using stale where key_id = $2 and u.secret_id = stale.secret_id)
${outcome('stored')}`,
    delete: `${locked('update')},
written as (delete from ${keys} where id = $2 and ${version} = $3::bigint returning id)
${outcome('deleted')}`,
    // The other labels are checked by subqueries. A join would find and sort all keys of a label
    // for one page.
    list: (others: number) =>
      `select ${found} from (select key_id as page from ${labels} l where label = $1 and key_id > $2${Array.from({ length: others }, (_, i) => ` and (select true from ${labels} o where o.label = $${i + 4} and o.key_id = l.key_id)`).join('')} order by key_id limit $3::bigint) p join ${keys} on id = page order by id`,
    // Rows are locked in order, so that two batches cannot deadlock. The lock mode is that of a
    // foreign key: it blocks deletion of a record, but not updates.
    recordUse: `with used as (select "keyId" as key_id, "secretId" as secret_id, max("usedAt") as used_at from json_to_recordset($1::text::json) as u("keyId" text, "secretId" text, "usedAt" bigint) group by 1, 2),
held as (select id from ${keys} where id in (select key_id from used) order by id for key share)
insert into ${uses} as u select id, secret_id, used_at from held join used on key_id = id order by 1, 2 on conflict (key_id, secret_id) do update set used_at = excluded.used_at where u.used_at < excluded.used_at`,
  }
}

export function parsePostgresRow({ record, uses }: Row): StoredKey {
  const stored = JSON.parse(record) as StoredKey | null
  return stored?.kind === 'key'
    ? { ...stored, lastUsedAt: uses === null ? {} : JSON.parse(uses) }
    : (stored as StoredKey)
}
