import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KeyStore, memoryStore } from 'twinkey'
import { sqliteStore } from 'twinkey/stores/sqlite'

/** The store of the demo. It needs no server. */
export interface EmbeddedStore {
  readonly name: 'sqlite' | 'memory'
  readonly store: KeyStore
  /** Closes the store and deletes its data: each run of the demo starts empty. */
  close(): void
}

/** Opens SQLite if this version of Node has it, otherwise the memory store. */
export async function openEmbeddedStore(): Promise<EmbeddedStore> {
  const sqlite = await import('node:sqlite').catch(() => undefined)
  if (sqlite === undefined) return { name: 'memory', store: memoryStore(), close: () => {} }
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-demo-'))
  const database = new sqlite.DatabaseSync(join(folder, 'keys.db'))
  const store = sqliteStore(database)
  await store.migrate()
  const close = () => {
    database.close()
    rmSync(folder, { recursive: true })
  }
  return { name: 'sqlite', store, close }
}
