import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { text } from 'node:stream/consumers'
import type { WriteStream } from 'node:tty'
import { loadConfig } from './config.ts'
import type { Io, Output } from './io.ts'

const INTERRUPTED = 130

/** The input and output of the process. */
interface ProcessIo {
  readonly io: Io
  /**
   * Waits until everything is written.
   *
   * @returns A message if output was lost, unless its reader has gone and it had no new secret.
   */
  flush(): Promise<string | undefined>
}

/** Why output was lost, and what to do about new secrets in it. */
interface Lost {
  readonly code: string
  readonly ifLost: string | undefined
}

/** Connects the input and output of the process. */
export function processIo(version: string): ProcessIo {
  const { stdin, stdout, stderr } = process
  const stop = new AbortController()
  process.on('SIGINT', () => {
    if (stop.signal.aborted) process.exit(INTERRUPTED)
    stop.abort()
  })
  const out = outputTo(stdout)
  const err = outputTo(stderr)
  // What the application prints, also by console.log, must not get between the JSON of a command.
  stdout.write = stderr.write.bind(stderr)
  const io: Io = {
    out: out.output,
    err: err.output,
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    async ask(question) {
      const lines = createInterface({ input: stdin, output: stderr })
      lines.once('SIGINT', () => stop.abort())
      // The end of the input is no answer.
      const closed = new Promise<string>((done) => lines.once('close', () => done('')))
      try {
        return await Promise.race([lines.question(question, { signal: stop.signal }), closed])
      } finally {
        lines.close()
      }
    },
    read: (path) => (path === '-' ? text(stdin) : readFile(resolve(path), 'utf8')),
    load: (path) => loadConfig({ folder: process.cwd(), path }),
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    env: process.env,
    user: userOf(),
    version,
    now: () => Date.now(),
    signal: stop.signal,
  }
  return {
    io,
    async flush() {
      const [lost] = await Promise.all([out.flush(), err.flush()])
      return lost && messageOf(lost)
    },
  }
}

// A container can have a user without a name.
function userOf(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}

// The reader has gone, like `head` when it has enough lines. The command still ends its work.
function messageOf({ code, ifLost }: Lost): string | undefined {
  if (ifLost === undefined && code === 'EPIPE') return undefined
  const advice =
    ifLost === undefined
      ? '. Any change was still made.'
      : `, so the new secrets are lost. ${ifLost}`
  return `Standard output cannot be written (${code})${advice}`
}

function outputTo(stream: NodeJS.WriteStream & Partial<WriteStream>) {
  const write = stream.write.bind(stream)
  let lost: Lost | undefined
  const note = (error: NodeJS.ErrnoException | null | undefined, ifLost?: string) => {
    if (error === null || error === undefined) return
    const { code = error.code ?? error.name, ifLost: before } = lost ?? {}
    lost = { code, ifLost: before ?? ifLost }
  }
  stream.on('error', note)
  const output: Output = {
    write(chunk, ifLost) {
      // The event comes later than this callback, and can come after the end of the command. A
      // closed stream calls back with an error too.
      write(chunk, (error) => note(error, ifLost))
    },
    isTerminal: stream.isTTY === true,
    columns: stream.columns,
    isClosed: () => lost !== undefined,
  }
  const flush = () =>
    new Promise<Lost | undefined>((done) => {
      write('', () => done(lost))
    })
  return { output, flush }
}
