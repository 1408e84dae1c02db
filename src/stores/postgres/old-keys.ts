import type { KeyRecord } from '../../core/model/api-key.ts'
import { labelsOf } from '../../core/store/list-query.ts'
import { notWritten } from '../../core/store/store-error.ts'
import { currentRecord } from '../../core/store/stored-key.ts'
import type { QueryRunner } from './client.ts'
import { type Names, OLD_KEYS_STEP } from './migrations.ts'

/** The index of the keys that the pre-release wrote. */
export interface OldKeysIndex {
  /** Computes it, unless it is complete. */
  complete(): Promise<void>
  /** @throws a `not_written` error if it is not complete, because a list would then miss keys. */
  requireComplete(signal: AbortSignal | undefined): Promise<void>
}

interface OldRow {
  readonly id: string
  readonly version: string
  /** Null if the key has its index. */
  readonly record: string | null
}

const BATCH = 500

export function createOldKeysIndex(
  runner: QueryRunner,
  { keys, keysByLabel, migrations }: Names,
): OldKeysIndex {
  const { version, name } = OLD_KEYS_STEP
  const sql = {
    isComplete: `select 1 as done from ${migrations} where version >= ${version} limit 1`,
    // All labels of a key are written in one statement, so a key has all of them or none. The
    // statement does not read into the JSON, because PostgreSQL refuses some valid texts there.
    read: `select id, version::text as version, case when not exists (select from ${keysByLabel} where key_id = id) then record::text end as record from ${keys} where id > $1 order by id limit ${BATCH}`,
    // A key that was changed or deleted since it was read has its index, or needs none. Rows are
    // locked in order, so that two processes cannot deadlock.
    write: `with old as (select id, version, at, labels from json_to_recordset($1::text::json) as o(id text, version bigint, at bigint, labels json)),
held as (select k.id, at, labels from ${keys} k join old on k.id = old.id and k.version = old.version order by k.id for no key update of k)
insert into ${keysByLabel} select label, at, id from held, json_array_elements_text(labels) label on conflict do nothing`,
    record: `insert into ${migrations} (version, name) values (${version}, '${name}') on conflict do nothing`,
  }
  let known = false

  async function isComplete(signal: AbortSignal | undefined): Promise<boolean> {
    known ||= (await runner.read(signal, sql.isComplete)).length > 0
    return known
  }

  return {
    // Each statement is atomic and can be repeated. Only this version adds keys by now, each with
    // its index, so one pass over the table reaches all the others.
    async complete() {
      if (await isComplete(undefined)) return
      for (let last = ''; ; ) {
        const rows = await runner.read<OldRow>(undefined, sql.read, [last])
        const old = rows.filter(({ record }) => record !== null)
        if (old.length > 0)
          await runner.write(undefined, sql.write, [JSON.stringify(old.map(indexOf))])
        if (rows.length < BATCH) break
        last = (rows.at(-1) as OldRow).id
      }
      await runner.write(undefined, sql.record)
    },
    async requireComplete(signal) {
      if (await isComplete(signal)) return
      throw notWritten(
        'The keys of the pre-release have no index yet, so that a list would miss keys. Call migrate() of the store once, also after the SQL of postgresMigrations().',
        undefined,
      )
    },
  }
}

function indexOf({ id, version, record }: OldRow) {
  const key = currentRecord(JSON.parse(record as string)) as KeyRecord
  try {
    const labels = labelsOf(key)
    // An alias has no labels, and no time.
    if (labels.length === 0 || Number.isSafeInteger(key.createdAt))
      return { id, version, at: key.createdAt, labels }
  } catch {
    // Not a record.
  }
  // A malformed record does not stop the others. A list of all keys reports it.
  return { id, version, at: 0, labels: ['key'] }
}
