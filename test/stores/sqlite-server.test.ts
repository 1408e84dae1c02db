import { createClient } from '@libsql/client'
import { type SqliteStore, sqliteStore } from 'twinkey/stores/sqlite'
import { storeContract } from 'twinkey/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { type LibsqlServer, startLibsqlServer } from './sqlite-server.ts'

describe('over HTTP, @libsql/client', () => {
  let server: LibsqlServer
  const clients: ReturnType<typeof createClient>[] = []
  const stores: SqliteStore[] = []
  beforeAll(async () => {
    server = await startLibsqlServer()
    for (let i = 0; i < 2; i++) clients.push(createClient({ url: server.url }))
    stores.push(...clients.map((client) => sqliteStore(client)))
    await expect(stores[0]?.get('k')).rejects.toThrow(/Call migrate\(\)/)
    await Promise.all(stores.map((store) => store.migrate()))
  })
  afterAll(async () => {
    for (const client of clients) client.close()
    await server.close()
  })

  // Ten thousand requests take a minute, and test nothing of this transport that the others do not.
  const contract = storeContract.filter(({ name }) => !name.startsWith('lists 10,000 keys'))
  let opened = 0
  for (const { name, run } of contract)
    test(name, () => run(async () => stores[opened++ % 2] as SqliteStore))

  test('sends one request for each operation, and sets no pragma', async () => {
    server.asked.length = 0
    const [store] = stores as [SqliteStore]
    const key = newKey()
    await store.put(key, undefined, newEntry(key))
    await store.put({ ...key, version: 7 }, key.version, newEntry(key))
    await store.get(key.id)
    await store.list({ owner: 'o', state: 'active', now: 0, sort: 'newest', limit: 10 })
    await store.history({ keyId: key.id, sort: 'newest', limit: 10 })
    await store.recordUse(
      [1, 2, 3].map((usedAt) => ({ keyId: key.id, secretId: `s${usedAt}`, usedAt })),
    )
    await store.delete(key.id, 7, undefined)
    expect(server.asked.map((statements) => statements.length)).toEqual([2, 2, 1, 1, 1, 1, 1])
  })
})
