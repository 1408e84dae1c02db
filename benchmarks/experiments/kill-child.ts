import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Done, Driver, Intent } from './kill-process.ts'

const ENTRY = new URL('kill-process.ts', import.meta.url)

/** The program of an application, as one file of JavaScript that starts at once. */
export interface Program {
  readonly file: string
  remove(): void
}

/** An application that is going to be killed. */
export interface Child {
  /** Resolves when it has acknowledged its first write. Rejects where it ends before. */
  readonly begun: Promise<void>
  /** `kill -9`, and then everything it has said. */
  kill(): Promise<readonly (Intent | Done)[]>
}

/** Bundles the program, with the package as it is built. */
export async function bundle(): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-kill-'))
  const file = join(folder, 'kill.mjs')
  // What cannot be bundled is found from where the project is.
  const here = JSON.stringify(ENTRY.href)
  await build({
    entryPoints: [fileURLToPath(ENTRY)],
    outfile: file,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['pg-native'],
    define: { 'import.meta.url': here },
    banner: {
      js: `import { createRequire as requireFrom } from 'node:module'\nconst require = requireFrom(${here})`,
    },
    tsconfigRaw: {},
    logLevel: 'error',
  })
  return { file, remove: () => rmSync(folder, { recursive: true }) }
}

/** Starts the program on a store. */
export function startChild(
  program: Program,
  node: string,
  driver: Driver,
  place: string,
  name: string,
): Child {
  const child = spawn(node, ['--no-warnings', program.file, driver, place, name], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  const lines: string[] = []
  let complaint = ''
  child.stderr.on('data', (text) => {
    complaint += text
  })
  const begun = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      if (lines.length === 2) resolve()
    })
    child.on('error', reject)
    child.on('close', () =>
      reject(new Error(`a process ended before it had written anything: ${complaint}`)),
    )
  })
  return {
    begun,
    async kill() {
      child.kill('SIGKILL')
      await closed
      // What was not said to the end was not said.
      return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line))
    },
  }
}
