import { execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// A version that was tried; fetched once, and found by npx from then on.
const VERSION = '24.21.0'

/** Whether this process has node:sqlite, and can load better-sqlite3: whether it is Node 22.13 or later, and no Bun. */
export function hasSqlite(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return process.versions['bun'] === undefined && (major > 22 || (major === 22 && minor >= 13))
}

/** The path of a Node with SQLite: this one where it has it, else one that npx fetches. */
export function nodeWithSqlite(): string {
  if (hasSqlite()) return process.execPath
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const args = ['-y', '-p', `node-${platform}-${process.arch}@${VERSION}`, '-c', 'node --print process.execPath']
  return execFileSync('npx', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 120_000 }).trim()
}

/** The path of Bun. */
export function bun(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/.bin/bun')
}
