import { createClient } from '@libsql/client'
import { type SqliteStore, sqliteStore } from 'twinkey/stores/sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Contract } from '../support/contract.ts'
import { type LibsqlServer, startLibsqlServer } from './sqlite-server.ts'

/** The server of the tests below, and two stores that use it. */
export interface OverHttp {
  server: LibsqlServer
  readonly stores: SqliteStore[]
}

/** A contract of a store, over HTTP with two clients. */
export function describeOverHttp(contract: Contract): OverHttp {
  const over = { stores: [] } as unknown as OverHttp
  const clients: ReturnType<typeof createClient>[] = []
  beforeAll(async () => {
    over.server = await startLibsqlServer()
    for (let i = 0; i < 2; i++) clients.push(createClient({ url: over.server.url }))
    over.stores.push(...clients.map((client) => sqliteStore(client)))
    await expect(over.stores[0]?.get('k')).rejects.toThrow(/Call migrate\(\)/)
    await Promise.all(over.stores.map((store) => store.migrate()))
  })
  afterAll(async () => {
    for (const client of clients) client.close()
    await over.server.close()
  })

  let opened = 0
  for (const { name, run } of contract)
    test(name, () => run(async () => over.stores[opened++ % 2] as SqliteStore))
  return over
}
