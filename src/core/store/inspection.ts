/** Inspects the settings of a store once, after its first answer. */
export interface Inspection {
  /** Call it after each call that the store answered. */
  answered(): void
  /** Resolves when the running inspection ends. Undefined if none is running. */
  flush(): Promise<void> | undefined
}

// Do not retry forever: the store may lack the right to read its settings.
const MAX_ATTEMPTS = 3

/** @param found Called with each setting under which the store can lose data. */
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
      // No result is no warning: a server may hide its settings.
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
