import { requireMembers } from '../../core/model/options-checks.ts'

/** Sets where {@link postgresStore} keeps its tables. */
export interface PostgresMigrationOptions {
  /**
   * The schema of the tables: 1 to 63 letters, digits and `_`, not beginning with a digit. The name
   * is case-sensitive. `migrate()` creates a missing schema. Default: the `search_path` of the
   * connection decides.
   */
  readonly schema?: string | undefined
  /**
   * The prefix of the table names: 1 to 40 letters, digits and `_`, not beginning with a digit.
   * Stores with different prefixes in one schema are independent. Default: `twinkey`.
   */
  readonly tablePrefix?: string | undefined
}

/** One step of the schema. */
export interface PostgresMigration {
  /** The position of the step: 1, 2 and so on. Each step runs once, in this order. */
  readonly version: number
  /** What the step adds. */
  readonly name: string
  /** One statement, which also records the step. It does nothing if the step is recorded. */
  readonly sql: string
}

/** The quoted names of the tables, and the unquoted name of the channel. */
export interface Names {
  readonly keys: string
  readonly keysByLabel: string
  readonly uses: string
  readonly history: string
  readonly historyByLabel: string
  readonly migrations: string
  readonly channel: string
}

// PostgreSQL truncates names after 63 bytes. The longest suffix here has 17.
const MAX_SCHEMA_LENGTH = 63
const MAX_PREFIX_LENGTH = 40

/**
 * The last step, which is not SQL: `migrate()` computes the index of keys that the pre-release wrote. A
 * step after it must not run before it is recorded.
 */
export const OLD_KEYS_STEP = { version: 3, name: 'index of the keys of the pre-release' } as const

/** @throws TypeError or RangeError with what to do instead. */
export function namesOf(options: PostgresMigrationOptions): Names {
  const { schema, tablePrefix, table } = check(options)
  // Cut at the front, to keep the prefix. Stores that then share a channel discard more cached
  // records than needed, but miss no change.
  const channel = `${schema ?? ''}.${tablePrefix}`.slice(-63)
  // The part behind the prefix of one table must not end with that of another, or the tables of
  // two prefixes could have the same name.
  return {
    keys: table('keys'),
    keysByLabel: table('keys_by_label'),
    uses: table('uses'),
    history: table('history'),
    historyByLabel: table('history_by_label'),
    migrations: table('migrations'),
    channel,
  }
}

/**
 * Returns the schema as SQL, for applications with their own migration tool.
 *
 * `migrate()` runs the same SQL. Each step is one statement, so it succeeds completely or changes
 * nothing. `migrate()` recognises steps that another tool has run.
 *
 * If the database has keys of the pre-release, call `migrate()` once after these steps: it computes
 * their index, which SQL cannot. Until then, `list` throws an error that says so.
 *
 * @param options The schema and table prefix of the store.
 * @returns All steps in order. Later versions of this package add steps and never change one.
 * @throws TypeError or RangeError if an option is invalid.
 * @example
 * ```ts
 * import { postgresMigrations } from 'twinkey/stores/postgres'
 *
 * const steps = postgresMigrations({ schema: 'auth' })
 * for (const { version, name, sql } of steps) console.log(`-- ${version}: ${name}\n${sql}`)
 * ```
 */
export function postgresMigrations(
  options: PostgresMigrationOptions = {},
): readonly PostgresMigration[] {
  const { schema, tablePrefix, table } = check(options)
  const { keys, keysByLabel, history, historyByLabel, migrations } = namesOf(options)
  const steps: readonly PostgresMigration[] = [
    {
      version: 1,
      name: 'keys, labels and uses',
      // json keeps the exact text of a record, jsonb does not. Collation "C" compares and sorts ids
      // and labels by their bytes.
      sql: `create table ${keys} (id text collate "C" primary key, version bigint not null, record json not null);
  create table ${table('labels')} (label text collate "C", key_id text collate "C" references ${keys} on delete cascade, primary key (label, key_id));
  create index "${tablePrefix}_labels_by_key" on ${table('labels')} (key_id);
  create table ${table('uses')} (key_id text collate "C" references ${keys} on delete cascade, secret_id text collate "C", used_at bigint not null, primary key (key_id, secret_id));`,
    },
    {
      version: 2,
      name: 'history, and an index in order of time',
      // Processes of the pre-release continue to authenticate. Their writes and lists fail, because
      // the table of labels is gone, and their deletions because the reference does not cascade.
      // The lock makes their earlier writes visible. If it cannot be had soon, the step fails,
      // because reads of keys wait behind it. A table without pages is empty in every snapshot.
      sql: `perform set_config('lock_timeout', '3s', true);
  lock table ${keys} in access exclusive mode;
  create table ${keysByLabel} (label text collate "C", at bigint, key_id text collate "C" references ${keys}, primary key (label, at, key_id));
  create index on ${keysByLabel} (key_id);
  create table ${history} (id text collate "C" primary key, entry json not null);
  create table ${historyByLabel} (label text collate "C", at bigint, entry_id text collate "C" references ${history} on delete cascade, primary key (label, at, entry_id));
  create index on ${historyByLabel} (entry_id);
  drop table ${table('labels')};
  if pg_relation_size('${keys}') = 0 and not exists (select from ${keys}) then
    insert into ${migrations} (version, name) values (${OLD_KEYS_STEP.version}, '${OLD_KEYS_STEP.name}') on conflict do nothing;
  end if;`,
    },
  ]
  // Only the prefix names the lock, because one process may name a schema that another finds by its
  // search path. to_regclass checks for a table, because "if not exists" would miss one that the
  // search path finds in another schema.
  const makeSchema =
    schema === undefined
      ? ''
      : `\n    if to_regnamespace('"${schema}"') is null then create schema "${schema}"; end if;`
  return steps.map(({ version, name, sql }) =>
    Object.freeze({
      version,
      name,
      sql: `do $twinkey$
begin
  perform pg_advisory_xact_lock(hashtextextended('twinkey.${tablePrefix}', 0));
  if to_regclass('${migrations}') is null then${makeSchema}
    create table ${migrations} (version integer primary key, name text not null, applied_at timestamptz not null default now());
  end if;
  if exists (select from ${migrations} where version >= ${version}) then return; end if;
  insert into ${migrations} (version, name) values (${version}, '${name}') on conflict do nothing;
  ${sql}
end
$twinkey$;
`,
    }),
  )
}

function check(options: PostgresMigrationOptions) {
  requireMembers(options, ['schema', 'tablePrefix', 'listen'], 'The options of postgresStore')
  const { schema, tablePrefix = 'twinkey' } = options
  if (schema !== undefined) requireIdentifier('schema', schema, MAX_SCHEMA_LENGTH)
  requireIdentifier('tablePrefix', tablePrefix, MAX_PREFIX_LENGTH)
  const table = (name: string) =>
    `${schema === undefined ? '' : `"${schema}".`}"${tablePrefix}_${name}"`
  return { schema, tablePrefix, table }
}

function requireIdentifier(option: string, value: unknown, maxLength: number): void {
  if (typeof value !== 'string') throw new TypeError(`${option} must be a string.`)
  if (value.length > maxLength || !/^[A-Za-z_]\w*$/.test(value)) {
    throw new RangeError(
      `${option} must be 1 to ${maxLength} letters, digits and "_", and not begin with a digit.`,
    )
  }
}
