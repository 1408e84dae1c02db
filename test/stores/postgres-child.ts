import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { bundledProgram } from '../support/bundled-program.ts'

const source = fileURLToPath(new URL('postgres-process.ts', import.meta.url))

/** Another process with the same server. */
export interface Child {
  /** Resolves to the first line of its output. */
  readonly said: Promise<string>
  /** All lines of its output so far. */
  readonly lines: readonly string[]
  /** How it ended: `0`, or its error. */
  readonly ended: Promise<string>
  /** Tells it to continue. */
  tell(): void
}

const running = new Set<ChildProcess>()

export function startChild(task: string, url: string, ...args: readonly string[]): Child {
  const child = spawn(process.execPath, [bundledProgram(source), task, url, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  running.add(child)
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  // It may have ended already.
  child.stdin.on('error', () => {})
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return code === 0 ? '0' : `${signal ?? code} ${complaint}`
  })
  const output = createInterface({ input: child.stdout })
  const lines: string[] = []
  output.on('line', (text) => lines.push(text))
  const line = once(output, 'line').then(([text]) => String(text))
  return {
    said: Promise.race([line, ended]),
    lines,
    ended,
    tell: () => void child.stdin.write('go\n'),
  }
}

/** Ends what is left. */
export function endChildren(): void {
  for (const child of running) child.kill('SIGKILL')
}
