import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { debianProgram } from './debian.ts'

async function start(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<ChildProcess> {
  const { path, env } = await debianProgram('python3', '--version', (root) => ({
    PYTHONHOME: join(root, 'usr'),
  }))
  return spawn(path, args, { env: { ...process.env, ...env, ...variables } })
}

/**
 * Runs a Python program to its end.
 *
 * @param variables Further variables of its environment.
 * @returns What it printed.
 */
export async function runPython(
  program: string,
  args: readonly string[],
  variables?: Readonly<Record<string, string>>,
): Promise<string> {
  const child = await start(['-c', program, ...args], variables)
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text) => {
      printed += text
    })
  }
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`python3 ended with ${code}: ${printed.slice(-2000)}`)
  return printed
}

/** A server in Python. */
export interface PythonServer {
  readonly port: number
  /** Everything that it has printed, to either stream. */
  printed(): string
  stop(): Promise<void>
}

/** Starts a server of Python's standard library, which prints its port as its first line. */
export async function startPython(args: readonly string[]): Promise<PythonServer> {
  const child = await start(['-u', ...args])
  let printed = ''
  const port = await new Promise<number>((found, failed) => {
    const hear = (text: unknown) => {
      printed += text
      const [, said] = /^(\d+)\n/.exec(printed) ?? []
      if (said !== undefined) found(Number(said))
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', (code) => failed(new Error(`python3 ended with ${code}: ${printed}`)))
  })
  return {
    port,
    printed: () => printed,
    async stop() {
      if (child.exitCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}
