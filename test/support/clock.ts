/** A clock that a test advances. */
export interface Clock {
  /** The time in epoch milliseconds, for the `now` of `createTwinkey`. */
  readonly now: () => number
  /** Moves the time by so many milliseconds, forward or back. */
  advance(milliseconds: number): void
}

export function createClock(start = Date.UTC(2026, 0, 1)): Clock {
  let time = start
  return {
    now: () => time,
    advance(milliseconds) {
      time += milliseconds
    },
  }
}
