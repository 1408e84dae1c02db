import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import type { DriverName } from '../support/sqlite.ts'

const root = join(import.meta.dirname, '../..')

/** Another process with the same runtime, the same driver and the same file. */
export interface Child {
  /** All its output. */
  readonly lines: readonly string[]
  /** Resolves when it has printed so many lines, or has ended. */
  said(count: number): Promise<void>
  /** Tells it to continue. */
  tell(): void
  /** Kills it at once, in the middle of whatever it does. */
  kill(): void
  /** How it ended: `0`, or its error. */
  readonly ended: Promise<string>
}

export type Start = (task: string, ...args: readonly string[]) => Child

/** Gives a test a way to start other processes, and ends the remaining ones. */
export async function withChildren(
  driver: DriverName,
  path: string,
  test: (start: Start) => Promise<void>,
): Promise<void> {
  const children: Child[] = []
  try {
    program ??= built()
    const file = await program
    await test((task, ...args) => {
      const child = started(file, [driver, path, task, ...args])
      children.push(child)
      return child
    })
  } finally {
    for (const child of children) child.kill()
    await Promise.all(children.map(({ ended }) => ended))
  }
}

// Built once for all tests of a file.
let program: Promise<string> | undefined

async function built(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-sqlite-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const outfile = join(folder, 'program.mjs')
  await build({
    entryPoints: [join(root, 'test/stores/sqlite-process.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    alias: { '#hash': join(root, 'src/core/secrets/hash.node.ts') },
    // Drivers are resolved from the project.
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(join(root, 'test/support/sqlite.ts')).href),
    },
  })
  return outfile
}

function started(program: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, ['--no-warnings', program, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  let complaint = ''
  let changed = () => {}
  let isOver = false
  // It may have ended already.
  child.stdin.on('error', () => {})
  child.stderr.on('data', (chunk) => (complaint += chunk))
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    changed()
  })
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      isOver = true
      changed()
      resolve(code === 0 ? '0' : `${signal ?? code} ${complaint}`)
    })
  })
  return {
    lines,
    ended,
    async said(count) {
      while (lines.length < count && !isOver)
        await new Promise<void>((resolve) => (changed = resolve))
    },
    tell: () => void child.stdin.write('go\n'),
    kill: () => void child.kill('SIGKILL'),
  }
}
