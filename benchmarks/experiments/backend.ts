import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient as createLibsql } from '@libsql/client'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { createClient as createRedis } from 'redis'
import type { KeyStore } from 'twinkey'
import { mysqlStore } from 'twinkey/stores/mysql'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { startMariadb } from '../../test/support/mariadb.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { startRedis } from '../../test/support/redis.ts'
import { newFolder } from '../../test/support/sqlite.ts'

/** The address of a store, in a form that can be sent to another process. */
export type Address =
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'mysql'; readonly url: string }
  | { readonly kind: 'sqlite'; readonly file: string }

/** A database of this figure. */
export interface Backend {
  readonly address: Address
  /** Kills the server process, as a power cut would. Missing for SQLite. */
  crash(): Promise<void>
  /** Starts the server again on the same data. */
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * Where the data is when a database acknowledges a write. Data on the disk survives a power cut.
 * Data in the kernel survives a kill.
 */
export type Durability = 'on the disk' | 'in the kernel'

/** Starts a database and creates its tables. */
export async function startBackend(
  kind: Address['kind'],
  durability: Durability = 'on the disk',
): Promise<Backend> {
  const backend = await started(kind, durability)
  if (kind === 'redis') return backend
  const { store, close } = await openStore(backend.address, { feed: false })
  await (store as KeyStore & { migrate(): Promise<void> }).migrate()
  await close()
  return backend
}

/** Opens a store on separate connections, as one node does. */
export async function openStore(
  address: Address,
  { feed }: { readonly feed: boolean },
): Promise<{ store: KeyStore; close(): Promise<void> }> {
  if (address.kind === 'postgres') {
    const connectionString = address.url
    const pool = new pg.Pool({ connectionString, max: 4 }).on('error', () => {})
    const store = postgresStore(
      pool,
      feed ? { listen: () => new pg.Client({ connectionString }) } : {},
    )
    return { store, close: () => pool.end() }
  }
  if (address.kind === 'redis') {
    const client = createRedis({ url: address.url }).on('error', () => {})
    await client.connect()
    const store = redisStore(client, feed ? { subscriber: () => client.duplicate() } : {})
    return { store, close: async () => client.destroy() }
  }
  if (address.kind === 'mysql') {
    const pool = mysql.createPool({ uri: address.url, connectionLimit: 4 })
    return { store: mysqlStore(pool), close: () => pool.end() }
  }
  const client = createLibsql({ url: `file:${address.file}` })
  return { store: sqliteStore(client), close: async () => client.close() }
}

async function started(kind: Address['kind'], durability: Durability): Promise<Backend> {
  const isOnDisk = durability === 'on the disk'
  if (kind === 'postgres') {
    const server = await startPostgres({ config: { fsync: isOnDisk ? 'on' : 'off' } })
    return {
      address: { kind, url: server.url },
      crash: () => server.crash(),
      start: () => server.start(),
      stop: () => server.stop(),
    }
  }
  if (kind === 'mysql') {
    const server = await startMariadb()
    return {
      address: { kind, url: server.url },
      crash: () => server.crash(),
      start: () => server.start(),
      stop: () => server.stop(),
    }
  }
  if (kind === 'redis') {
    const server = await startRedis({
      appendonly: 'yes',
      appendfsync: isOnDisk ? 'always' : 'no',
    })
    return {
      address: { kind, url: server.url },
      crash: () => server.crash(),
      start: () => server.start(),
      stop: () => server.stop(),
    }
  }
  const folder = isOnDisk ? mkdtempSync(join(tmpdir(), 'twinkey-sqlite-')) : newFolder()
  const nothing = async () => {}
  return {
    address: { kind, file: join(folder, 'keys.db') },
    crash: nothing,
    start: nothing,
    stop: async () => rmSync(folder, { recursive: true }),
  }
}
