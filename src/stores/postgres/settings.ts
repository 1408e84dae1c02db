/** Settings of the server, as text. */
export interface Settings {
  readonly fsync: string
  readonly synchronous_commit: string
  readonly server_encoding: string
  readonly is_replica: string
}

/** Reads the clock of the server, in epoch milliseconds. */
export const CLOCK = 'select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as now'

/** Reads the settings. Every database user may run it. */
export const SETTINGS =
  "select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit, current_setting('server_encoding') as server_encoding, pg_is_in_recovery()::text as is_replica"

/** Lists the settings that break a guarantee of the store, each with its remedy. */
export function postgresSettingsProblems({
  fsync,
  synchronous_commit,
  server_encoding,
  is_replica,
}: Settings): string[] {
  const problems: string[] = []
  if (fsync === 'off')
    problems.push(
      'PostgreSQL runs with fsync = off: a power cut can lose keys and bring back revoked ones. Set it to on.',
    )
  if (synchronous_commit === 'off')
    problems.push(
      'PostgreSQL runs with synchronous_commit = off: a crash can lose the last writes and make a revoked key active again. Set it to on.',
    )
  if (is_replica === 'true')
    problems.push(
      'The client of postgresStore is connected to a replica, which lags behind and cannot write. Pass a client of the primary server.',
    )
  if (server_encoding !== 'UTF8')
    problems.push(
      `The encoding of the database is ${server_encoding}, which cannot store all names. Keep keys in a database with encoding UTF8.`,
    )
  return problems
}
