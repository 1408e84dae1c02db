import { sqlitePrefixOf } from '../shared/sqlite-prefix.ts'

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
  readonly records: string
  readonly index: string
  readonly history: string
  readonly historyIndex: string
  readonly uses: string
  readonly migrations: string
}

/** A migration as a list of statements, for drivers that run one at a time. */
interface Migration extends Pick<SqliteMigration, 'version' | 'name'> {
  readonly statements: readonly string[]
}

/** @throws TypeError or RangeError with what to do instead. */
export function prefixOf(options: SqliteStoreOptions): string {
  return sqlitePrefixOf(options, 'sqliteStore')
}

export function tablesOf(prefix: string): Tables {
  const name = (table: string) => `"${prefix}_${table}"`
  return {
    records: name('records'),
    index: name('index'),
    history: name('history'),
    historyIndex: name('history_index'),
    uses: name('uses'),
    migrations: name('migrations'),
  }
}

/** Creates the table in which each step is recorded. Each run begins with this statement. */
function migrationsTable({ migrations }: Tables): string {
  return `create table if not exists ${migrations} (version integer primary key, name text not null) strict`
}

/** The step that `migrate()` takes when the index has all keys of the pre-release. */
export const INDEXED = 3
export const INDEXED_NAME = 'index of the keys of the pre-release'

function migrationsOf(prefix: string): readonly Migration[] {
  const tables = tablesOf(prefix)
  const steps: readonly Migration[] = [
    {
      version: 1,
      name: 'keys, labels and uses',
      statements: firstTables(prefix, tables),
    },
    {
      version: 2,
      name: 'index by time, and history',
      statements: [
        ...withoutLabels(prefix, tables),
        ...indexByTime(prefix, tables),
        ...historyTables(prefix, tables),
        // Without earlier keys there is nothing left to do.
        `insert into ${tables.migrations} select ${INDEXED}, '${INDEXED_NAME}' where not exists (select 1 from ${tables.records})`,
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

function firstTables(prefix: string, { uses }: Tables): string[] {
  const [keys, labels] = [`"${prefix}_keys"`, `"${prefix}_labels"`]
  return [
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
  ]
}

/**
 * Leaves processes of the pre-release a view of the records. They read keys and record uses as before.
 * Their `list` finds no labels, and their writes fail, so that they cannot write a record without
 * its place in the index, or change a key without its entry in the history.
 */
function withoutLabels(prefix: string, { records }: Tables): string[] {
  const view = `"${prefix}_keys"`
  return [
    ...['created', 'relabelled', 'deleted'].map((name) => `drop trigger "${prefix}_${name}"`),
    `drop table "${prefix}_labels"`,
    `alter table ${view} rename to ${records}`,
    // Null for a record that is not in the index yet, and 0 for an alias.
    `alter table ${records} add column created_at integer`,
    `create view ${view} as select id, version, record, labels from ${records}`,
    ...['insert', 'update', 'delete'].map(
      (event) => `create trigger "${prefix}_no_${event}" instead of ${event} on ${view} begin
  select raise(abort, 'constraint failed: a later version of Twinkey uses this database. Update this process');
end`,
    ),
  ]
}

// Triggers maintain the indexes, so that a change of a record takes one statement. They also clean
// up after a record or an entry that somebody deletes by hand.

function indexByTime(prefix: string, { records, index, uses }: Tables): string[] {
  const insert = `insert into ${index} select value, new.created_at, new.id from json_each(new.labels)`
  const remove = `delete from ${index} where label in (select value from json_each(old.labels)) and at = old.created_at and key_id = old.id`
  return [
    `create table ${index} (label text not null, at integer not null, key_id text not null, primary key (label, at, key_id)) strict, without rowid`,
    `create trigger "${prefix}_created" after insert on ${records} begin
  ${insert};
end`,
    `create trigger "${prefix}_relabelled" after update of labels, created_at on ${records} when old.labels <> new.labels or old.created_at is not new.created_at begin
  ${remove};
  ${insert};
end`,
    `create trigger "${prefix}_deleted" after delete on ${records} begin
  ${remove};
  delete from ${uses} where key_id = old.id;
end`,
  ]
}

function historyTables(prefix: string, { history, historyIndex }: Tables): string[] {
  return [
    `create table ${history} (id text primary key not null, at integer not null, labels text not null, entry text not null) strict`,
    `create table ${historyIndex} (label text not null, at integer not null, entry_id text not null, primary key (label, at, entry_id)) strict, without rowid`,
    `create trigger "${prefix}_entered" after insert on ${history} begin
  insert into ${historyIndex} select value, new.at, new.id from json_each(new.labels);
end`,
    `create trigger "${prefix}_forgotten" after delete on ${history} begin
  delete from ${historyIndex} where label in (select value from json_each(old.labels)) and at = old.at and entry_id = old.id;
end`,
  ]
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
 * If the pre-release has created keys in the database, call `migrate()` once after the last step. It
 * adds these keys to the index by time, which SQL alone cannot do. Until then, `list` of the store
 * throws.
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
