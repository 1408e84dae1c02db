import type { Twinkey } from 'twinkey'
import type { Io, Output } from '../../src/cli/io.ts'
import { run } from '../../src/cli/run.ts'

/** What a command did. */
export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
  /** The questions that were asked. */
  readonly questions: readonly string[]
}

/** How a command is called. */
export interface Setting {
  /** The width of the terminal. Undefined for a pipe. */
  readonly columns?: number
  /** The answers to its questions. Without it, nobody can answer. */
  readonly answers?: readonly string[]
  /** Files by their paths, and standard input as `-`. */
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Runs commands in this process. `close` of the instance does nothing, so that others can follow. */
export function createTerminal(twinkey: Twinkey, now: () => number = twinkey.now) {
  const kept = { ...twinkey, close: async () => {} }
  return async (line: string | readonly string[], setting: Setting = {}): Promise<Outcome> => {
    const { columns, answers, files = {}, env = {}, signal } = setting
    const [out, err] = [record(columns), record(columns)]
    const questions: string[] = []
    const io: Io = {
      out: out.output,
      err: err.output,
      isInteractive: answers !== undefined,
      async ask(question) {
        questions.push(question)
        return answers?.[questions.length - 1] ?? ''
      },
      async read(path) {
        const text = files[path]
        if (text === undefined) throw new Error('There is no such file')
        return text
      },
      load: async () => kept,
      randomBytes: (length) => new Uint8Array(length).fill(7),
      env,
      user: 'ada',
      version: '1.2.3',
      now,
      signal: signal ?? new AbortController().signal,
    }
    const argv = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line
    const code = await run(argv, io)
    return { code, out: out.text(), err: err.text(), questions }
  }
}

function record(columns: number | undefined): { output: Output; text(): string } {
  let text = ''
  const output = {
    write(chunk: string) {
      text += chunk
    },
    isTerminal: columns !== undefined,
    columns,
    isClosed: () => false,
  }
  return { output, text: () => text }
}
