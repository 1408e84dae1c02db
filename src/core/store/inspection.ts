/** Looks once at how a store is set up, as soon as it has answered. */
export interface Inspection {
  /** Called after each call that the store answered. */
  answered(): void
  /** Resolves when it has looked; undefined where it is not looking. */
  flush(): Promise<void> | undefined
}

// Who may not look, or cannot at the moment, is not asked for ever.
const MAX_ATTEMPTS = 3

/** @param found Told each setting under which the store loses something. */
export function createInspection(
  inspect: () => Promise<readonly string[]>,
  found: (problem: string) => void,
): Inspection {
  let attempts = 0
  let looking: Promise<void> | undefined

  async function look(): Promise<void> {
    try {
      for (const problem of await inspect()) found(problem)
      attempts = MAX_ATTEMPTS
    } catch {
      // Nothing is known, so nothing is said: a server may keep its settings to itself.
    }
    looking = undefined
  }

  return {
    answered() {
      if (attempts >= MAX_ATTEMPTS || looking !== undefined) return
      attempts++
      looking = look()
    },
    flush: () => looking,
  }
}
