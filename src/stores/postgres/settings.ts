/** What the server says of itself, as text. */
export interface Settings {
  readonly fsync: string
  readonly synchronous_commit: string
  readonly server_encoding: string
  readonly is_replica: string
}

/** Asks for them, where everybody may. */
export const SETTINGS =
  "select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit, current_setting('server_encoding') as server_encoding, pg_is_in_recovery()::text as is_replica"

/** What of them breaks a promise of the store, and what to do. */
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
      'PostgreSQL runs with synchronous_commit = off: a crash can lose the last writes, so that a revoked key is live again. Set it to on.',
    )
  if (is_replica === 'true')
    problems.push(
      'The client of postgresStore is connected to a replica, which lags behind and cannot write. Hand in a client of the primary.',
    )
  if (server_encoding !== 'UTF8')
    problems.push(
      `The encoding of the database is ${server_encoding}: names with other characters cannot be stored. Keep keys in a database in UTF8.`,
    )
  return problems
}
