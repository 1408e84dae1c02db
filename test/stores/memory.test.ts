import { memoryStore } from 'twinkey'
import { storeContract } from 'twinkey/testing'
import { describe, expect, test } from 'vitest'

describe('the memory store', () => {
  const store = memoryStore()
  test.each(storeContract)('$name', ({ run }) => run(async () => store))
})

describe('the contract finds a store that', () => {
  const broken: [string, string, (inner: ReturnType<typeof memoryStore>) => Partial<ReturnType<typeof memoryStore>>][] = [
    [
      'does not compare versions',
      'writes where the version',
      (inner) => ({ put: async (next) => inner.put(next, (await inner.get(next.id))?.version) }),
    ],
    [
      'creates over what is there',
      'creates once',
      (inner) => ({ put: async (next) => inner.put(next, (await inner.get(next.id))?.version) }),
    ],
    [
      'deletes whatever the version',
      'deletes where',
      (inner) => ({ delete: async (id) => inner.delete(id, (await inner.get(id))?.version ?? 0) }),
    ],
    ['forgets uses', 'joins the latest use', () => ({ recordUse: async () => {} })],
    ['lists everything', 'lists by tenant', (inner) => ({ list: ({ limit, cursor }) => inner.list({ limit, cursor }) })],
    [
      'ends pages too early',
      'lists 10,000 keys',
      (inner) => ({ list: async (query) => ({ ...(await inner.list(query)), next: undefined }) }),
    ],
    [
      'folds case',
      'tells ids apart',
      (inner) => ({
        get: (id) => inner.get(id.toLowerCase()),
        put: (next, version) => inner.put({ ...next, id: next.id.toLowerCase() }, version),
      }),
    ],
  ]
  test.each(broken)('%s', async (_name, sentence, change) => {
    const inner = memoryStore()
    const store = { ...inner, ...change(inner) }
    const found = storeContract.find(({ name }) => name.startsWith(sentence))
    await expect(found?.run(async () => store)).rejects.toThrow('found')
  })
})
