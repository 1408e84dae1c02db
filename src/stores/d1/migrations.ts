import { sqlitePrefixOf } from '../shared/sqlite-prefix.ts'

/** Configures {@link d1Store}. */
export interface D1StoreOptions {
  /**
   * The prefix of the table names: 1 to 40 lower-case letters, digits and `_`, beginning with a
   * letter, but not with `sqlite`. Stores with different prefixes in one database are independent.
   * Default: `twinkey`.
   */
  readonly tablePrefix?: string | undefined
}

/** One step of the schema. */
export interface D1Migration {
  /** The position of the step: 1, 2 and so on. Each step runs once, in this order. */
  readonly version: number
  /** What the step adds. */
  readonly name: string
  /** Statements, each of which ends with `;` and a line break. The last one records the step. */
  readonly sql: string
}

/** The quoted names of the tables. */
export interface Tables {
  readonly keys: string
  readonly keysByLabel: string
  readonly uses: string
  readonly history: string
  readonly historyByLabel: string
  readonly migrations: string
}

/** A migration as a list of statements, for one batch. */
export interface Step extends Pick<D1Migration, 'version' | 'name'> {
  readonly statements: readonly string[]
}

/** @throws TypeError or RangeError with what to do instead. */
export function tablesOf(options: D1StoreOptions): Tables {
  const table = (name: string) => `"${prefixOf(options)}_${name}"`
  return {
    keys: table('keys'),
    keysByLabel: table('keys_by_label'),
    uses: table('uses'),
    history: table('history'),
    historyByLabel: table('history_by_label'),
    migrations: table('migrations'),
  }
}

function prefixOf(options: D1StoreOptions): string {
  return sqlitePrefixOf(options, 'd1Store')
}

/** The steps. Each statement can run again, and the last one records the step. */
export function stepsOf(options: D1StoreOptions): readonly Step[] {
  const prefix = prefixOf(options)
  const { keys, keysByLabel, uses, history, historyByLabel, migrations } = tablesOf(options)
  const index = (table: string, name: string, id: string) => [
    `create table if not exists ${table} (label text not null, at integer not null, ${id} text not null, primary key (label, at, ${id})) strict, without rowid`,
    `create index if not exists "${prefix}_${name}" on ${table} (${id})`,
  ]
  const steps: readonly Step[] = [
    {
      version: 1,
      name: 'keys, uses, history, and indexes in order of time',
      statements: [
        `create table if not exists ${keys} (id text primary key not null, version integer not null, record text not null) strict`,
        ...index(keysByLabel, 'labels_of_key', 'key_id'),
        `create table if not exists ${uses} (key_id text not null, secret_id text not null, used_at integer not null, primary key (key_id, secret_id)) strict, without rowid`,
        `create table if not exists ${history} (id text primary key not null, entry text not null) strict`,
        ...index(historyByLabel, 'labels_of_entry', 'entry_id'),
      ],
    },
  ]
  return steps.map(({ version, name, statements }) => ({
    version,
    name,
    statements: [
      `create table if not exists ${migrations} (version integer primary key, name text not null) strict`,
      ...statements,
      `insert into ${migrations} values (${version}, '${name}') on conflict do nothing`,
    ],
  }))
}

/**
 * Returns the schema as SQL, for the migrations of wrangler.
 *
 * `migrate()` runs the same SQL, and recognises steps that wrangler has run.
 *
 * @param options The table prefix of the store.
 * @returns All steps in order. Later versions of this package add steps and never change one.
 * @throws TypeError or RangeError if an option is invalid.
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs'
 * import { d1Migrations } from 'twinkey/stores/d1'
 *
 * for (const { version, sql } of d1Migrations())
 *   writeFileSync(`migrations/${String(version).padStart(4, '0')}_twinkey.sql`, sql)
 * ```
 */
export function d1Migrations(options: D1StoreOptions = {}): readonly D1Migration[] {
  return stepsOf(options).map(({ version, name, statements }) =>
    Object.freeze({ version, name, sql: `${statements.join(';\n')};\n` }),
  )
}
