import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const start = fileURLToPath(new URL('start.mjs', import.meta.url))

/** A server that runs as a process of its own. */
export interface Program {
  readonly url: string
  /** What it has printed. */
  printed(): string
  /** Tells it to end, or ends it as a crash would, and waits until it is gone. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/**
 * Runs a file of the examples to its end, whatever that is, and answers the last line that it
 * printed.
 */
export function runProgram(name: string, env: Readonly<Record<string, string>>): string {
  const { stdout } = spawnSync(process.execPath, [start, name], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  return stdout.trim().split('\n').at(-1) ?? ''
}

/** Starts a file of the examples as a process of its own, and waits until it listens. */
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

/**
 * Waits until a server that was just started says where it listens, and goes on to hear what it
 * prints.
 */
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
