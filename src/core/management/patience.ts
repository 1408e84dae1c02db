/** Says whether a change that began may be tried again. */
type MayRetry = (attempts: number, unknowns: number) => boolean

/** Limits the retries of changes. */
export interface Patience {
  /** A change begins that may be tried so many times. */
  begin(maxAttempts: number): MayRetry
  /** Stops the retries of all changes in progress. */
  end(): void
}

/**
 * A lost attempt means that another change won. So many losses in a row mean a broken store, not
 * contention.
 */
export const MAX_ATTEMPTS = 1000
// Time limit for the retries of one change.
const MAX_MILLISECONDS = 30_000
// Limits the retries on a store that can be read but not written.
const MAX_UNKNOWN = 3

export function createPatience(now: () => number): Patience {
  let ends = 0
  return {
    begin(maxAttempts) {
      const [begun, before] = [now(), ends]
      return (attempts, unknowns) =>
        attempts < maxAttempts &&
        unknowns < MAX_UNKNOWN &&
        ends === before &&
        Math.abs(now() - begun) < MAX_MILLISECONDS
    },
    end() {
      ends++
    },
  }
}
