import type { Keyring, Twinkey } from '../index.ts'
import type { Flag, Given } from './flags.ts'
import type { Io } from './io.ts'

/** What a command gets when it runs. */
export interface Call {
  readonly io: Io
  readonly given: Given
  /** The argument after the words of the command. */
  readonly argument: string | undefined
  /** Whether the output is for a program. */
  readonly isJson: boolean
  /** Loads the Twinkey of the configuration file. */
  twinkey(): Promise<Twinkey>
  /** Its keyring, which names the actor in the history. */
  keyring(): Promise<Keyring>
}

/** The argument of a command. */
interface Argument {
  readonly name: string
  readonly isOptional?: true
}

/** A command. */
export interface Command {
  /** Its words, like `keys create`. */
  readonly words: string
  /** One sentence without a full stop. */
  readonly summary: string
  readonly argument?: Argument
  readonly flags: readonly Flag[]
  readonly examples: readonly string[]
  /** Whether it writes to the store. */
  readonly writes?: true
  /** @returns The exit code. Undefined for 0. */
  run(call: Call): Promise<number | undefined>
}
