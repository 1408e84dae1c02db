import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Driver, Line } from './kill-process.ts'

const ENTRY = new URL('kill-process.ts', import.meta.url)

/** The program of an application, as one JavaScript file that starts quickly. */
export interface Program {
  readonly file: string
  remove(): void
}

/** An application that will be killed. */
export interface Child {
  /** Resolves at its first acknowledged write. Rejects if it ends before. */
  readonly begun: Promise<void>
  /** Runs `kill -9` and returns the complete log. */
  kill(): Promise<readonly Line[]>
}

/** Bundles the program with the built package. */
export async function bundle(): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-kill-'))
  const file = join(folder, 'kill.mjs')
  // Modules that cannot be bundled are resolved from the project.
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
      if (line.includes('"shown"')) resolve()
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
      // Drops a last line that was not written completely.
      return lines.filter((line) => line.endsWith('}')).map((line) => JSON.parse(line))
    },
  }
}
