import { requireMembers } from '../../core/model/options-checks.ts'

/** What a store over SQLite is made with. */
export interface SqliteStoreOptions {
  /**
   * What the names of its tables begin with: `twinkey` unless given. 1 to 40 lower-case letters,
   * digits and `_`, beginning with a letter. Stores of different prefixes in one database know
   * nothing of each other.
   */
  readonly tablePrefix?: string | undefined
}

/** One step of the schema. */
export interface SqliteMigration {
  /** Steps are taken once each, in this order: 1, 2 and so on. */
  readonly version: number
  /** What it brings. */
  readonly name: string
  /** Its statements, which belong into one transaction. They write down that the step was taken. */
  readonly sql: string
}

/** The names of the tables, quoted. */
export interface Tables {
  readonly keys: string
  readonly labels: string
  readonly uses: string
  readonly migrations: string
}

/** A migration as a list of statements, for drivers that run one at a time. */
export interface Migration extends Pick<SqliteMigration, 'version' | 'name'> {
  readonly statements: readonly string[]
}

const PREFIX = /^[a-z][a-z0-9_]{0,39}$/

/** @throws TypeError or RangeError with what to do instead. */
export function prefixOf(options: SqliteStoreOptions): string {
  requireMembers(options, ['tablePrefix'], 'The options of sqliteStore')
  const { tablePrefix = 'twinkey' } = options
  if (typeof tablePrefix !== 'string') throw new TypeError('tablePrefix must be a string.')
  // SQLite keeps names that begin with sqlite_ to itself.
  if (!PREFIX.test(tablePrefix) || tablePrefix.startsWith('sqlite')) {
    throw new RangeError(
      'tablePrefix must be 1 to 40 lower-case letters, digits and "_", beginning with a letter, but not with "sqlite".',
    )
  }
  return tablePrefix
}

export function tablesOf(prefix: string): Tables {
  const name = (table: string) => `"${prefix}_${table}"`
  return {
    keys: name('keys'),
    labels: name('labels'),
    uses: name('uses'),
    migrations: name('migrations'),
  }
}

/** The table in which every step writes itself down. Each run begins with it. */
export function migrationsTable({ migrations }: Tables): string {
  return `create table if not exists ${migrations} (version integer primary key, name text not null) strict`
}

export function migrationsOf(prefix: string): readonly Migration[] {
  const tables = tablesOf(prefix)
  const { keys, labels, uses } = tables
  const steps: readonly Migration[] = [
    {
      version: 1,
      name: 'keys, labels and uses',
      // Triggers keep the label index: a put is one statement then, which SQLite does whole or not
      // at all, whoever else writes. And a record that is deleted by hand leaves nothing behind.
      statements: [
        `create table ${keys} (id text primary key not null, version integer not null, record text not null, labels text not null) strict`,
        `create table ${labels} (label text not null, key_id text not null, primary key (label, key_id)) strict, without rowid`,
        `create table ${uses} (key_id text not null, secret_id text not null, used_at integer not null, primary key (key_id, secret_id)) strict, without rowid`,
        `create trigger "${prefix}_created" after insert on ${keys} begin
  insert into ${labels} select value, new.id from json_each(new.labels);
end`,
        `create trigger "${prefix}_relabelled" after update of labels on ${keys} when old.labels <> new.labels begin
  delete from ${labels} where key_id = old.id and label in (select value from json_each(old.labels));
  insert into ${labels} select value, new.id from json_each(new.labels);
end`,
        `create trigger "${prefix}_deleted" after delete on ${keys} begin
  delete from ${labels} where key_id = old.id and label in (select value from json_each(old.labels));
  delete from ${uses} where key_id = old.id;
end`,
      ],
    },
  ]
  return steps.map(({ version, name, statements }) => ({
    version,
    name,
    // First of all, so that of two processes the later one fails here and has changed nothing.
    statements: [
      migrationsTable(tables),
      `insert into ${tables.migrations} values (${version}, '${name}')`,
      ...statements,
    ],
  }))
}

/**
 * The schema as SQL, for those who run migrations with a tool of their own.
 *
 * It is what `migrate()` runs, each step in a transaction of its own; `migrate()` knows of the
 * steps that were taken either way. It sets no pragma: the store does that itself.
 *
 * @param options The table prefix, where the store has one.
 * @returns Every step, in order. Later versions of this package add steps and change none.
 * @throws TypeError or RangeError where an option is wrong.
 * @example
 * ```ts
 * import { sqliteMigrations } from 'twinkey/stores/sqlite'
 *
 * for (const { version, name, sql } of sqliteMigrations()) console.log(`-- ${version}: ${name}\n${sql}`)
 * ```
 */
export function sqliteMigrations(options: SqliteStoreOptions = {}): readonly SqliteMigration[] {
  return migrationsOf(prefixOf(options)).map(({ version, name, statements }) =>
    Object.freeze({ version, name, sql: `${statements.join(';\n')};\n` }),
  )
}
