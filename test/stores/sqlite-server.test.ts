import type { SqliteStore } from 'twinkey/stores/sqlite'
import { describe, expect, test } from 'vitest'
import { newEntry, newKey } from '../../src/testing/sample.ts'
import { describeOverHttp } from './sqlite-server-suite.ts'

describe('over HTTP, @libsql/client', () => {
  // sqlite-server.interop.test.ts has the contract.
  const over = describeOverHttp([])

  test('sends one request for each operation, and sets no pragma', async () => {
    const { server, stores } = over
    const [store] = stores as [SqliteStore]
    // Before its first list, a store also looks whether the index is complete.
    await store.list({ state: 'active', now: 0, sort: 'newest', limit: 10 })
    server.asked.length = 0
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
