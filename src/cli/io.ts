/** Where a command writes: standard output or standard error. */
export interface Output {
  /** @param ifLost What to do if the text cannot be written. Give it with new secrets. */
  write(text: string, ifLost?: string): void
  readonly isTerminal: boolean
  /** The width of the terminal. */
  readonly columns: number | undefined
  /** Whether the reader has gone, as with `twinkey keys list | head`. */
  isClosed(): boolean
}

/** Everything outside the command line that a command uses. */
export interface Io {
  readonly out: Output
  readonly err: Output
  /** Whether a person can answer questions. */
  readonly isInteractive: boolean
  /** Asks a question on standard error and returns the answer. */
  ask(question: string): Promise<string>
  /** Reads a file, or standard input for `-`. */
  read(path: string): Promise<string>
  /** Loads `twinkey` of the configuration file. */
  load(path: string | undefined): Promise<unknown>
  randomBytes(length: number): Uint8Array
  readonly env: Readonly<Record<string, string | undefined>>
  /** The name of the user of the operating system. */
  readonly user: string
  /** The version of this package. */
  readonly version: string
  /** The clock, for commands that have no Twinkey with one. Epoch milliseconds. */
  now(): number
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

/** Replaces characters that would move the cursor, hide text or change its direction. */
export function plain(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|\p{Cf}/gu, ' ')
}

/** JSON in which such characters are escaped, so that a terminal shows them. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[\u007f-\u009f]|\p{Cf}/gu, escaped)
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
