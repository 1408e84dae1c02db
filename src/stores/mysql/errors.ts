import { messageOf } from '../../core/model/error.ts'
import { notWritten } from '../../core/store/store-error.ts'

// The numbers of the errors of MySQL and MariaDB.
const NO_SUCH_TABLE = 1146
// The server undid the transaction, or only the statement after the wait for a lock, because of
// another transaction: lock_wait_timeout, lock_deadlock, and checkread of MariaDB 11.6 and later.
const LOST_TO_ANOTHER = [1205, 1213, 1020]
const DUPLICATE = 1062

/** Whether a transaction lost to another one, and can be repeated. */
export function lostToAnother(error: unknown): boolean {
  return LOST_TO_ANOTHER.includes(numberOf(error))
}

/** Whether there is a row with this primary key. */
export function isDuplicate(error: unknown): boolean {
  return numberOf(error) === DUPLICATE
}

/** Makes a `not_written` error of the error of a statement that was not committed. */
export function nothingWritten(cause: unknown, keys: string): Error {
  if (numberOf(cause) === NO_SUCH_TABLE) {
    const message = `The tables ${keys}, … do not exist. Call migrate() of the store before the first use, or run the SQL of mysqlMigrations().`
    return notWritten(message, cause)
  }
  // mariadb appends the statement in further lines.
  return notWritten(messageOf(cause).split('\n', 1)[0] as string, cause)
}

function numberOf(error: unknown): number {
  return Number((error as { errno?: unknown } | undefined)?.errno)
}
