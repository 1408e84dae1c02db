import type { Run } from './client.ts'

// A time without a time zone, in microseconds, so that no session setting matters.
/** Reads the clock of the server, in epoch milliseconds. */
export const CLOCK =
  "select timestampdiff(microsecond, '1970-01-01 00:00:00', utc_timestamp(3)) div 1000"

const NAMES = [
  'innodb_flush_log_at_trx_commit',
  'log_bin',
  'sync_binlog',
  'sql_mode',
  'read_only',
  // MariaDB 10 has only the first, and MySQL 8 only the second.
  'tx_isolation',
  'transaction_isolation',
]

/** Reads the settings of a connection. Every database user may run it. A server lacks some. */
export const SETTINGS = `show variables where variable_name in (${NAMES.map((name) => `'${name}'`).join(', ')})`

/** Lists the settings that break a guarantee of the store, each with its remedy. */
export function mysqlSettingsProblems(rows: NonNullable<Awaited<ReturnType<Run>>>): string[] {
  const settings = new Map(rows.map(([name, value]) => [String(name), String(value)]))
  const is = (name: string, ...values: readonly string[]) =>
    values.includes(settings.get(name) ?? '')
  const problems: string[] = []
  if (is('innodb_flush_log_at_trx_commit', '0', '2'))
    problems.push(
      `The server runs with innodb_flush_log_at_trx_commit = ${settings.get('innodb_flush_log_at_trx_commit')}: a crash can lose the last writes and make a revoked key active again. Set it to 1.`,
    )
  if (is('log_bin', 'ON', '1') && !is('sync_binlog', '1'))
    problems.push(
      `The server has a binary log and runs with sync_binlog = ${settings.get('sync_binlog')}: a power cut can lose the last writes, and replicas can differ. Set it to 1.`,
    )
  if (!/STRICT_(?:TRANS|ALL)_TABLES/.test(settings.get('sql_mode') ?? ''))
    problems.push(
      'The connection has a sql_mode without STRICT_TRANS_TABLES: the server shortens values that do not fit, without an error. Add it.',
    )
  if (is('read_only', 'ON', '1'))
    problems.push(
      'The server is read_only, as a replica is, which lags behind and cannot write. Pass a pool of the primary server.',
    )
  if (is('tx_isolation', 'READ-UNCOMMITTED') || is('transaction_isolation', 'READ-UNCOMMITTED'))
    problems.push(
      'The connection has the isolation level READ-UNCOMMITTED: a request can be decided by a change that is then undone. Set it to READ-COMMITTED or higher.',
    )
  return problems
}
