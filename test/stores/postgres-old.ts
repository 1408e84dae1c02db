import { readFileSync } from 'node:fs'
import type pg from 'pg'

// The database of the pre-release, and its statements, as that version wrote them.

interface OldVersion {
  readonly migration: string
  readonly statements: Readonly<Record<'get' | 'create' | 'update' | 'delete' | 'list', string>> & {
    readonly recordUse: string
  }
  /** Rows as id, version and record. */
  readonly keys: readonly (readonly [string, string, string])[]
  readonly labels: readonly (readonly [string, string])[]
  readonly uses: readonly (readonly [string, string, string])[]
}

export const OLD: OldVersion = JSON.parse(
  readFileSync(new URL('postgres-pre-release.json', import.meta.url), 'utf8'),
)

/** Creates the tables of the pre-release, with its keys. */
export async function createOldTables(pool: pg.Pool): Promise<void> {
  await pool.query(OLD.migration)
  for (const row of OLD.keys)
    await pool.query('insert into twinkey_keys values ($1, $2, $3)', [...row])
  for (const row of OLD.labels)
    await pool.query('insert into twinkey_labels values ($1, $2)', [...row])
  for (const row of OLD.uses)
    await pool.query('insert into twinkey_uses values ($1, $2, $3)', [...row])
}

/** Adds copies of an enabled key of the pre-release, each with an id and a time of its own. */
export async function addOldKeys(pool: pg.Pool, count: number): Promise<void> {
  const record = OLD.keys
    .map(([, , text]) => JSON.parse(text))
    .find(({ name }) => name === 'enabled')
  const rows = Array.from({ length: count }, (_, i) => {
    const id = `old-${String(i).padStart(5, '0')}`
    return { id, version: record.version, record: { ...record, id, createdAt: i } }
  })
  await pool.query(
    'insert into twinkey_keys select * from json_to_recordset($1::json) as r(id text, version bigint, record json)',
    [JSON.stringify(rows)],
  )
}

/** The calls of a process of the pre-release, which sends its own statements. */
export function oldProcess(pool: pg.Pool) {
  const ask = async (statement: keyof OldVersion['statements'], ...values: unknown[]) =>
    (await pool.query(OLD.statements[statement], values)).rows
  const channel = '.twinkey'
  return {
    get: (id: string) => ask('get', id),
    create: (id: string, version: number, record: string) =>
      ask('create', channel, id, version, record, '["key"]'),
    update: (id: string, expected: string, version: number, record: string) =>
      ask('update', channel, id, expected, version, record, '["key"]'),
    delete: (id: string, expected: string) => ask('delete', channel, id, expected),
    list: () => ask('list', 'key', '', 100),
    recordUse: (keyId: string, secretId: string, usedAt: number) =>
      ask('recordUse', JSON.stringify([{ keyId, secretId, usedAt }])),
  }
}
