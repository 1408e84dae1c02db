const USAGE = 'UsageError'

/** Wrong input on the command line. The message says what to do. Nothing was changed. */
export function usageError(message: string): Error {
  return Object.assign(new Error(message), { name: USAGE })
}

export function isUsageError(error: unknown): boolean {
  return (error as { name?: unknown } | null | undefined)?.name === USAGE
}

/** The text if it can be a word of a command or an option. Any other text may be a secret. */
export function shownWord(text: string): string | undefined {
  return /^[a-z][a-z-]{0,20}$/i.test(text) ? text : undefined
}
