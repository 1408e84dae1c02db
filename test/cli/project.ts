import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const cli = join(root, 'dist/cli.js')
const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A project outside this one, with the built package and these packages. */
export function project(
  files: Readonly<Record<string, string>>,
  packages: readonly string[] = [],
): string {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-cli-'))
  folders.push(folder)
  mkdirSync(join(folder, 'node_modules/@libsql'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/twinkey'), 'junction')
  for (const name of packages)
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction')
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

export function start(folder: string, ...args: string[]) {
  // Removes what a test runner adds to the environment of its children.
  const { NODE_OPTIONS: _options, ...env } = process.env
  return { command: process.execPath, args: [cli, ...args], options: { cwd: folder, env } }
}

export function twinkeyIn(folder: string, ...argv: string[]) {
  const { command, args, options } = start(folder, ...argv)
  const { status, stdout, stderr } = spawnSync(command, args, {
    ...options,
    encoding: 'utf8',
    input: '',
    timeout: 30_000,
  })
  return { code: status, out: stdout, err: stderr }
}
