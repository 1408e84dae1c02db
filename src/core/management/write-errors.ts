import { isTwinkeyError, messageOf, TwinkeyError } from '../model/error.ts'
import { isNotWritten } from '../store/store-error.ts'

/** The error for a key that does not exist, or that the keyring does not see. */
export function keyNotFound(): TwinkeyError {
  return new TwinkeyError('key_not_found', 'There is no key with this id.')
}

/** The error for a change that lost against another one. */
export function conflict(): TwinkeyError {
  return new TwinkeyError(
    'version_conflict',
    'Another change to this key came first. Read the key again and decide anew.',
  )
}

/** Rethrows an error that says that nothing was written. */
export function throwIfNotWritten(cause: unknown): void {
  if (isNotWritten(cause)) throw cause
}

/** The error for a change that may or may not have been made. */
export function outcomeUnknown(cause: unknown): TwinkeyError {
  const message =
    'The store failed during the write, so the change may or may not have been made. Read the key when the store is back.'
  return new TwinkeyError(
    'outcome_unknown',
    cause === undefined ? message : `${message} ${messageOf(cause)}`,
    { cause },
  )
}

/** Rethrows an error after a write that was made: from then on, a store failure leaves it unknown. */
export function rethrowAsUnknown(error: unknown): never {
  throw isTwinkeyError(error) && error.code === 'store_unavailable' ? outcomeUnknown(error) : error
}
