import { requireMembers } from '../../core/model/options-checks.ts'

/** Configures {@link sqliteStore}. */
export interface SqliteStoreOptions {
  /**
   * The prefix of the table names: 1 to 40 lower-case letters, digits and `_`, beginning with a
   * letter, but not with `sqlite`. Stores with different prefixes in one database are independent.
   * Default: `twinkey`.
   */
  readonly tablePrefix?: string | undefined
}

/** One step of the schema. */
export interface SqliteMigration {
  /** The position of the step: 1, 2 and so on. Each step runs once, in this order. */
  readonly version: number
  /** What the step adds. */
  readonly name: string
  /** Statements to run in one transaction. They also record the step. */
  readonly sql: string
}

/** The quoted names of the tables. */
export interface Tables {
  readonly keys: string
  readonly labels: string
  readonly uses: string
  readonly migrations: string
}

/** A migration as a list of statements, for drivers that run one at a time. */
interface Migration extends Pick<SqliteMigration, 'version' | 'name'> {
  readonly statements: readonly string[]
}

const PREFIX = /^[a-z][a-z0-9_]{0,39}$/

/** @throws TypeError or RangeError with what to do instead. */
export function prefixOf(options: SqliteStoreOptions): string {
  requireMembers(options, ['tablePrefix'], 'The options of sqliteStore')
  const { tablePrefix = 'twinkey' } = options
  if (typeof tablePrefix !== 'string') throw new TypeError('tablePrefix must be a string.')
  // SQLite reserves names that begin with sqlite_.
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

/** Creates the table in which each step is recorded. Each run begins with this statement. */
function migrationsTable({ migrations }: Tables): string {
  return `create table if not exists ${migrations} (version integer primary key, name text not null) strict`
}

function migrationsOf(prefix: string): readonly Migration[] {
  const tables = tablesOf(prefix)
  const { keys, labels, uses } = tables
  const steps: readonly Migration[] = [
    {
      version: 1,
      name: 'keys, labels and uses',
      // Triggers maintain the label index, so a put is one atomic statement. They also clean up
      // after a record that somebody deletes by hand.
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
    // The step is recorded first, so that the later of two processes fails before it changes
    // anything.
    statements: [
      migrationsTable(tables),
      `insert into ${tables.migrations} values (${version}, '${name}')`,
      ...statements,
    ],
  }))
}

/** Runs the steps that are not yet recorded. `run` runs statements in one transaction. */
export async function runMigrations(
  prefix: string,
  run: (statements: readonly string[]) => Promise<void>,
  isTaken: (version: number) => Promise<boolean>,
): Promise<void> {
  await run([migrationsTable(tablesOf(prefix))])
  for (const { version, statements } of migrationsOf(prefix)) {
    if (await isTaken(version)) continue
    try {
      await run(statements)
    } catch (error) {
      // Another process may have run the step first.
      if (!(await isTaken(version))) throw error
    }
  }
}

/**
 * Returns the schema as SQL, for applications with their own migration tool.
 *
 * `migrate()` runs the same SQL. Run each step in its own transaction. `migrate()` recognises steps
 * that another tool has run. The SQL sets no pragmas: the store sets them at its first use.
 *
 * @param options The table prefix of the store.
 * @returns All steps in order. Later versions of this package add steps and never change one.
 * @throws TypeError or RangeError if an option is invalid.
 * @example
 * ```ts
 * import { sqliteMigrations } from 'twinkey/stores/sqlite'
 *
 * const steps = sqliteMigrations()
 * for (const { version, name, sql } of steps) console.log(`-- ${version}: ${name}\n${sql}`)
 * ```
 */
export function sqliteMigrations(options: SqliteStoreOptions = {}): readonly SqliteMigration[] {
  return migrationsOf(prefixOf(options)).map(({ version, name, statements }) =>
    Object.freeze({ version, name, sql: `${statements.join(';\n')};\n` }),
  )
}
