import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const start = fileURLToPath(new URL('start.mjs', import.meta.url))

/** A server in its own process. */
export interface Program {
  readonly url: string
  /** Everything that it has printed. */
  printed(): string
  /** Stops it, or kills it with SIGKILL as in a crash, and waits until it has exited. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Runs a file of the examples until it exits, with any code. Answers its last line of output. */
export function runProgram(name: string, env: Readonly<Record<string, string>>): string {
  const { stdout } = spawnSync(process.execPath, [start, name], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  return stdout.trim().split('\n').at(-1) ?? ''
}

/** Starts a file of the examples as a process, and waits until it listens. */
export async function startProgram(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Program> {
  const child = spawn(process.execPath, [start, name], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = once(child, 'exit')
  return {
    ...(await untilListening(child)),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await ended
    },
  }
}

/** Waits until a new server prints its URL, and continues to collect its output. */
export async function untilListening(
  program: ChildProcess,
): Promise<Pick<Program, 'url' | 'printed'>> {
  let printed = ''
  const url = await new Promise<string>((found, failed) => {
    const hear = (chunk: Buffer) => {
      printed += chunk
      const listening = /^(?:Listening on|Started.* server:) (http:\/\/localhost:\d+)/m.exec(
        printed,
      )?.[1]
      if (listening !== undefined) found(listening)
    }
    program.stdout?.on('data', hear)
    program.stderr?.on('data', hear)
    program.once('exit', (code) => failed(new Error(`It ended with ${code}: ${printed}`)))
  })
  return { url, printed: () => printed }
}
