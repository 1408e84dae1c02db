import { requireMembers } from '../../core/model/options-checks.ts'

/** Where in the database a store over PostgreSQL keeps its tables. */
export interface PostgresMigrationOptions {
  /**
   * The schema of its tables, which `migrate()` makes where it is missing: 1 to 63 letters, digits
   * and `_`, not beginning with a digit. Names are quoted, so upper and lower case differ. Unless
   * given, the `search_path` of the connection decides.
   */
  readonly schema?: string | undefined
  /**
   * What the names of its tables begin with: `twinkey` unless given. 1 to 40 letters, digits and
   * `_`, not beginning with a digit. Stores of different prefixes in one schema know nothing of
   * each other.
   */
  readonly tablePrefix?: string | undefined
}

/** One step of the schema. */
export interface PostgresMigration {
  /** Steps are taken once each, in this order: 1, 2 and so on. */
  readonly version: number
  /** What it brings. */
  readonly name: string
  /**
   * One single statement, which writes down that the step was taken. Where it was taken before, it
   * does nothing.
   */
  readonly sql: string
}

/** The names of the tables, quoted, and that of the channel, which is not. */
export interface Names {
  readonly keys: string
  readonly labels: string
  readonly uses: string
  readonly channel: string
}

// PostgreSQL cuts names after 63 bytes: the longest suffix here has 14.
const MAX_SCHEMA_LENGTH = 63
const MAX_PREFIX_LENGTH = 40

/** @throws TypeError or RangeError with what to do instead. */
export function namesOf(options: PostgresMigrationOptions): Names {
  const { schema, tablePrefix, table } = check(options)
  // From the end, where the prefix is: stores that share a channel forget a little too much, and
  // miss nothing.
  const channel = `${schema ?? ''}.${tablePrefix}`.slice(-63)
  return { keys: table('keys'), labels: table('labels'), uses: table('uses'), channel }
}

/**
 * The schema as SQL, for those who run migrations with a tool of their own.
 *
 * It is what `migrate()` runs: each step is one statement, so it is done whole or not at all,
 * however it is run, and `migrate()` knows of the steps that were taken either way.
 *
 * @param options Schema and table prefix, where the store has them.
 * @returns Every step, in order. Later versions of this package add steps and change none.
 * @throws TypeError or RangeError where an option is wrong.
 * @example
 * ```ts
 * import { postgresMigrations } from 'twinkey/stores/postgres'
 *
 * for (const { version, name, sql } of postgresMigrations({ schema: 'auth' })) console.log(`-- ${version}: ${name}\n${sql}`)
 * ```
 */
export function postgresMigrations(
  options: PostgresMigrationOptions = {},
): readonly PostgresMigration[] {
  const { schema, tablePrefix, table } = check(options)
  const [keys, migrations] = [table('keys'), table('migrations')]
  const steps: readonly PostgresMigration[] = [
    {
      version: 1,
      name: 'keys, labels and uses',
      // A record is kept to the last character: json, not jsonb. Ids and labels are compared and
      // put in order by their bytes, whatever the collation of the database.
      sql: `create table ${keys} (id text collate "C" primary key, version bigint not null, record json not null);
  create table ${table('labels')} (label text collate "C", key_id text collate "C" references ${keys} on delete cascade, primary key (label, key_id));
  create index "${tablePrefix}_labels_by_key" on ${table('labels')} (key_id);
  create table ${table('uses')} (key_id text collate "C" references ${keys} on delete cascade, secret_id text collate "C", used_at bigint not null, primary key (key_id, secret_id));`,
    },
  ]
  // The lock is named by the prefix alone: one process may name a schema that another one finds by
  // its search path. Whether a table is there is asked by name and not by "if not exists", which
  // would not see one that the search path finds in another schema.
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
