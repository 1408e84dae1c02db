import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LibsqlClient, SqliteDatabase } from '../../src/stores/sqlite/index.ts'
import { betterSqlite3 } from './other-node.ts'

/** Every driver that the store supports. */
export const DRIVERS = ['@libsql/client', 'node:sqlite', 'better-sqlite3', 'bun:sqlite'] as const
export type DriverName = (typeof DRIVERS)[number]

/** The options of a connection. */
export interface Settings {
  /** How many milliseconds the driver waits for a lock. Default: that of the driver. */
  readonly timeout?: number
  /**
   * The least usual form of answers that the driver supports: integers as bigint, rows as arrays.
   */
  readonly answers?: 'unusual'
}

/** A database for a store, with direct access for the test. */
export interface OpenSqlite {
  readonly database: SqliteDatabase | LibsqlClient
  /** The rows of a statement, each as its values in order. */
  all(sql: string, ...values: (string | number)[]): Promise<unknown[][]>
  /** Runs a statement without a result. */
  exec(sql: string): Promise<void>
  /**
   * Begins a transaction, as an application would, and returns its rollback. Without a write-ahead
   * log, an exclusive transaction blocks readers, too.
   */
  begin(mode?: 'immediate' | 'exclusive'): Promise<() => Promise<void>>
  close(): void
}

interface LocalDatabase extends SqliteDatabase {
  defaultSafeIntegers?(): void
  close(): void
}
type Opener = new (path: string, options?: object) => LocalDatabase

const require = createRequire(import.meta.url)

export async function openSqlite(
  driver: DriverName,
  path: string,
  { timeout, answers }: Settings = {},
): Promise<OpenSqlite> {
  // Every driver supports this option, except Bun, which needs a pragma.
  const waits = timeout === undefined ? {} : { timeout }
  const isUnusual = answers === 'unusual'
  switch (driver) {
    case '@libsql/client': {
      const { createClient } = require('@libsql/client') as typeof import('@libsql/client')
      const url = path === ':memory:' ? path : `file:${path}`
      const client = createClient({ url, ...waits, intMode: isUnusual ? 'bigint' : 'number' })
      return {
        database: client,
        all: async (sql, ...args) =>
          (await client.execute({ sql, args })).rows.map((row) => Object.values(row)),
        exec: (sql) => client.executeMultiple(sql),
        async begin(mode = 'immediate') {
          const transaction = await client.transaction('deferred')
          await transaction.executeMultiple(`rollback; begin ${mode}`)
          return () => transaction.rollback()
        },
        close: () => client.close(),
      }
    }
    case 'node:sqlite': {
      const { DatabaseSync } = require('node:sqlite') as { DatabaseSync: Opener }
      return local(
        new DatabaseSync(path, { ...waits, readBigInts: isUnusual, returnArrays: isUnusual }),
      )
    }
    case 'better-sqlite3': {
      const database = new (require(betterSqlite3()) as Opener)(path, waits)
      if (isUnusual) database.defaultSafeIntegers?.()
      return local(database)
    }
    case 'bun:sqlite': {
      const { Database } = require('bun:sqlite') as { Database: Opener }
      const database = new Database(path, {
        create: true,
        readwrite: true,
        safeIntegers: isUnusual,
      })
      if (timeout !== undefined) database.exec(`pragma busy_timeout = ${timeout}`)
      return local(database)
    }
  }
}

function local(database: LocalDatabase): OpenSqlite {
  return {
    database,
    all: async (sql, ...values) =>
      database
        .prepare(sql)
        .all(...values)
        .map((row) => Object.values(row as object)),
    async exec(sql) {
      database.exec(sql)
    },
    async begin(mode = 'immediate') {
      database.exec(`begin ${mode}`)
      return async () => void database.exec('rollback')
    },
    close: () => database.close(),
  }
}

/**
 * A new folder, in memory if there is room: on a busy disk, tens of thousands of commits take
 * minutes.
 */
export function newFolder(): string {
  const isRoomy =
    existsSync('/dev/shm') && statfsSync('/dev/shm').bavail * statfsSync('/dev/shm').bsize > 500e6
  return mkdtempSync(join(isRoomy ? '/dev/shm' : tmpdir(), 'twinkey-sqlite-'))
}

/** The folder of one test, and every database that it opened. */
export interface Bed {
  readonly path: string
  open(settings?: Settings): Promise<OpenSqlite>
}

/** Runs a test with its own file, and cleans up. */
export async function withBed(
  driver: DriverName,
  test: (bed: Bed) => Promise<void>,
): Promise<void> {
  const folder = newFolder()
  const opened = new Set<OpenSqlite>()
  const path = join(folder, 'keys.db')
  try {
    await test({
      path,
      async open(settings) {
        const database = await openSqlite(driver, path, settings)
        const close = () => {
          if (opened.delete(database)) database.close()
        }
        opened.add(database)
        return { ...database, close }
      },
    })
  } finally {
    for (const database of opened) database.close()
    rmSync(folder, { recursive: true })
  }
}
