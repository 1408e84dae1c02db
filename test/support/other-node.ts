import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// npx downloads this tested version once.
const VERSION = '24.21.0'
const BETTER_SQLITE3 = '13.2.0'

/**
 * Whether this process has node:sqlite and can load better-sqlite3: Node 22.13 or later, and not
 * Bun.
 */
export function hasSqlite(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return process.versions['bun'] === undefined && (major > 22 || (major === 22 && minor >= 13))
}

/** The path of a Node with SQLite: this one if it has it, or one that npx downloads. */
export function nodeWithSqlite(): string {
  if (hasSqlite()) return process.execPath
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const args = [
    '-y',
    '-p',
    `node-${platform}-${process.arch}@${VERSION}`,
    '-c',
    'node --print process.execPath',
  ]
  return execFileSync('npx', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 120_000,
  }).trim()
}

/** The path of Bun. */
export function bun(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.bin/bun')
}

/**
 * The folder of better-sqlite3, downloaded once. It is not a dependency of the project, because npm
 * would compile it during installation, which requires a compiler.
 */
export function betterSqlite3(): string {
  const cache = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.cache')
  const folder = join(cache, `better-sqlite3-${BETTER_SQLITE3}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  const fetched = mkdtempSync(join(cache, 'fetch-'))
  const tarball = execFileSync('npm', ['pack', '--silent', `better-sqlite3@${BETTER_SQLITE3}`], {
    cwd: fetched,
    encoding: 'utf8',
  }).trim()
  execFileSync('tar', ['-xzf', tarball], { cwd: fetched })
  try {
    renameSync(join(fetched, 'package'), folder)
  } catch (error) {
    // Another process may have finished first.
    if (!existsSync(folder)) throw error
  }
  rmSync(fetched, { recursive: true })
  return folder
}
