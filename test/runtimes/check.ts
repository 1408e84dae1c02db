/** A check that must pass in every runtime. It rejects or throws on failure. */
export interface Check {
  readonly name: string
  readonly run: () => void | Promise<void>
}

/** The outcome of a check. */
export interface Outcome {
  readonly name: string
  /** Why the check failed, or undefined. */
  readonly failure: string | undefined
}

/** Runs checks one after the other, because they advance clocks. */
export async function runChecks(checks: readonly Check[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { name, run } of checks) {
    let failure: string | undefined
    try {
      await run()
    } catch (error) {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
    outcomes.push({ name, failure })
  }
  return outcomes
}

/** Fails unless both have the same members, in any order. */
export function same(actual: unknown, expected: unknown, what = 'it'): void {
  const [is, should] = [shown(actual), shown(expected)]
  if (is !== should) throw new Error(`${what} is ${is}\n  and should be ${should}`)
}

/** Fails unless it is true. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

/** The code of the error that a call rejects with, or the name of another error. */
export async function errorCodeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown }
    return String(code ?? name)
  }
  return 'no fault'
}

/** The name of the error that a call throws. */
export function thrownBy(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return (error as Error).name
  }
  return 'nothing'
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (member === undefined) return '(undefined)'
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
