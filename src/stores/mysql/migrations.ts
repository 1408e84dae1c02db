import { requireMembers } from '../../core/model/options-checks.ts'

/** Configures {@link mysqlStore}. */
export interface MysqlStoreOptions {
  /**
   * The prefix of the table names: 1 to 32 lower-case letters, digits and `_`, beginning with a
   * letter. Stores with different prefixes in one database are independent. Default: `twinkey`.
   */
  readonly tablePrefix?: string | undefined
}

/** One step of the schema. */
export interface MysqlMigration {
  /** The position of the step: 1, 2 and so on. Each step runs once, in this order. */
  readonly version: number
  /** What the step adds. */
  readonly name: string
  /** Statements, each of which ends with `;` and a line break. The last one records the step. */
  readonly sql: string
}

/** The quoted names of the tables. */
export interface Names {
  readonly keys: string
  readonly keysByLabel: string
  readonly uses: string
  readonly history: string
  readonly historyByLabel: string
  readonly migrations: string
}

// A name has at most 64 characters, also that of a constraint: the server appends it to that of the
// table. The longest suffix here is _history_by_label_ibfk_1.
const PREFIX = /^[a-z][a-z0-9_]{0,31}$/
// For a label: the longest name has 128 characters of 3 bytes.
const LABEL = 'varbinary(512)'
const ID = 'varbinary(255)'
// The exact text of a record. JSON of MySQL would change it.
const TEXT = 'longtext character set utf8mb4 collate utf8mb4_bin'
const TABLE = 'engine = InnoDB row_format = dynamic'

/** @throws TypeError or RangeError with what to do instead. */
export function namesOf(options: MysqlStoreOptions): Names {
  requireMembers(options, ['tablePrefix'], 'The options of mysqlStore')
  const { tablePrefix = 'twinkey' } = options
  if (typeof tablePrefix !== 'string') throw new TypeError('tablePrefix must be a string.')
  if (!PREFIX.test(tablePrefix)) {
    throw new RangeError(
      'tablePrefix must be 1 to 32 lower-case letters, digits and "_", beginning with a letter.',
    )
  }
  const table = (name: string) => `\`${tablePrefix}_${name}\``
  // The part behind the prefix of one table must not end with that of another, or the tables of
  // two prefixes could have the same name.
  return {
    keys: table('keys'),
    keysByLabel: table('keys_by_label'),
    uses: table('uses'),
    history: table('history'),
    historyByLabel: table('history_by_label'),
    migrations: table('migrations'),
  }
}

/** A migration as a list of statements, because clients run one at a time. */
export interface Step extends Pick<MysqlMigration, 'version' | 'name'> {
  readonly statements: readonly string[]
}

/**
 * The steps. The server commits each statement that changes tables by itself, so each can run again
 * after an interruption. The last one records the step.
 */
export function stepsOf(names: Names): readonly Step[] {
  const { keys, keysByLabel, uses, history, historyByLabel, migrations } = names
  const table = (name: string, ...lines: readonly string[]) =>
    `create table if not exists ${name} (${lines.join(', ')}) ${TABLE}`
  const index = (id: string, of: string) => [
    `label ${LABEL} not null`,
    '`at` bigint not null',
    `${id} ${ID} not null`,
    `primary key (label, \`at\`, ${id})`,
    `index (${id})`,
    `foreign key (${id}) references ${of} (id) on delete cascade`,
  ]
  const steps: readonly Step[] = [
    {
      version: 1,
      name: 'keys, uses, history, and indexes in order of time',
      statements: [
        // Columns of bytes compare and sort by bytes. Those of text ignore spaces at the end.
        table(
          keys,
          `id ${ID} not null primary key`,
          'version bigint not null',
          `record ${TEXT} not null`,
        ),
        table(keysByLabel, ...index('key_id', keys)),
        table(
          uses,
          `key_id ${ID} not null`,
          `secret_id ${ID} not null`,
          'used_at bigint not null',
          'primary key (key_id, secret_id)',
          `foreign key (key_id) references ${keys} (id) on delete cascade`,
        ),
        table(history, `id ${ID} not null primary key`, `entry ${TEXT} not null`),
        table(historyByLabel, ...index('entry_id', history)),
      ],
    },
  ]
  const ofSteps = table(
    migrations,
    'version int not null primary key',
    'name varchar(100) not null',
    'applied_at datetime(3) not null default current_timestamp(3)',
  )
  return steps.map(({ version, name, statements }) => ({
    version,
    name,
    statements: [
      ofSteps,
      ...statements,
      `insert ignore into ${migrations} (version, name) values (${version}, '${name}')`,
    ],
  }))
}

/**
 * Returns the schema as SQL, for applications with their own migration tool.
 *
 * `migrate()` runs the same SQL. MySQL commits each statement that changes a table by itself, so an
 * interrupted step leaves some of its tables. Run the step again: it continues. `migrate()`
 * recognises steps that another tool has run.
 *
 * @param options The table prefix of the store.
 * @returns All steps in order. Later versions of this package add steps and never change one.
 * @throws TypeError or RangeError if an option is invalid.
 * @example
 * ```ts
 * import { mysqlMigrations } from 'twinkey/stores/mysql'
 *
 * const steps = mysqlMigrations()
 * for (const { version, name, sql } of steps) console.log(`-- ${version}: ${name}\n${sql}`)
 * ```
 */
export function mysqlMigrations(options: MysqlStoreOptions = {}): readonly MysqlMigration[] {
  return stepsOf(namesOf(options)).map(({ version, name, statements }) =>
    Object.freeze({ version, name, sql: `${statements.join(';\n')};\n` }),
  )
}
