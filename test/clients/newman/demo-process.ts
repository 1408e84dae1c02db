import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** The demo as a process of its own. */
export interface Demo {
  /** What it has printed so far. */
  readonly lines: readonly string[]
  stderr(): string
  /** The first line with that text. Rejects where the demo ends without it. */
  lineWith(text: string): Promise<string>
  /** Its exit code, or the signal that it died of. */
  readonly ended: Promise<number | string>
  end(signal?: 'SIGINT' | 'SIGTERM'): Promise<number | string>
  kill(): void
}

/** A sample key of the standard convention. */
export interface SampleKey {
  readonly primary: string
  readonly secondary: string
  readonly tenant: string
}

/** What the demo prints with --json. */
export interface DemoLine {
  readonly url: string
  readonly pane: {
    readonly url: string
    readonly users: Readonly<Record<'ada' | 'grace' | 'operator', { readonly cookie: string }>>
  }
  readonly oauth: Readonly<
    Record<
      | 'issuer'
      | 'tokenUrl'
      | 'introspectionUrl'
      | 'revocationUrl'
      | 'clientId'
      | 'clientSecret'
      | 'resourceUrl',
      string
    >
  >
  readonly keys: Readonly<Record<'standard' | 'readOnly' | 'test' | 'disabled', SampleKey>> & {
    readonly boomiFlow: { readonly secret: string; readonly tenant: string }
    readonly flare: { readonly secret: string; readonly tenants: readonly number[] }
    readonly flowgear: {
      readonly primary: string
      readonly secondary: string
      readonly test: string
    }
  }
}

/** The frameworks that the demo runs on. */
export const FRAMEWORKS = ['express', 'fastify', 'hono'] as const

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const START = 'examples/demo/start.mjs'

/**
 * Starts the demo, with nothing of the environment but what is needed and what is given. By npm the
 * arguments are those of npm.
 */
export function startDemo(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
  command = process.execPath,
): Demo {
  const { PATH = '', HOME = '' } = process.env
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(
    command,
    command === 'npm' ? args : [START, ...args],
    {
      cwd: ROOT,
      env: { PATH, HOME, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const lines: string[] = []
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(
    ([code, signal]: unknown[]) => (code ?? signal) as number | string,
  )
  return {
    lines,
    stderr: () => stderr,
    async lineWith(text) {
      for (;;) {
        const found = lines.find((line) => line.includes(text))
        if (found !== undefined) return found
        const more = await Promise.race([once(reader, 'line'), ended])
        if (!Array.isArray(more))
          throw new Error(
            `The demo ended with ${more} before it printed ${JSON.stringify(text)}: ${stderr}`,
          )
      }
    },
    ended,
    end(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

/** Starts the demo with --json and reads its line. */
export async function startJsonDemo(
  args: readonly string[] = [],
  more: Readonly<Record<string, string>> = {},
): Promise<DemoLine & Demo> {
  const demo = startDemo(['--json', ...args], more)
  return { ...demo, ...(JSON.parse(await demo.lineWith('{')) as DemoLine) }
}
