import type { KeyRecord } from '../core/model/api-key.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectDelete, expectGet, expectPut } from './expect.ts'
import { keyPager } from './pages.ts'
import { same } from './same.ts'
import { changedKey, newId, newKey } from './sample.ts'

/** The contract for recording when secrets were last used. */
export const useCases: readonly StoreContractCase[] = [
  {
    name: 'joins the latest use of each secret, ignores earlier uses, and leaves the record unchanged',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      const [first, second] = [key.primary.id, newId()]
      await expectPut(one, key, undefined, 'stored')
      await one.recordUse([
        { keyId: key.id, secretId: first, usedAt: 2000 },
        { keyId: key.id, secretId: second, usedAt: 500 },
      ])
      await two.recordUse([{ keyId: key.id, secretId: first, usedAt: 1000 }])
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          (i % 2 ? one : two).recordUse([{ keyId: key.id, secretId: second, usedAt: 600 + i }]),
        ),
      )
      await expectGet(two, key.id, { ...key, lastUsedAt: { [first]: 2000, [second]: 619 } })
      await expectPut(one, changedKey(key), key.version, 'stored')
      await expectGet(two, key.id, {
        ...changedKey(key),
        lastUsedAt: { [first]: 2000, [second]: 619 },
      })
    },
  },
  {
    name: 'joins the last uses in a list, and lists records as get returns them',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const owner = newId()
      const [used, unused] = [newKey({ owner }), newKey({ owner })]
      for (const key of [used, unused]) await expectPut(one, key, undefined, 'stored')
      await one.recordUse([{ keyId: used.id, secretId: used.primary.id, usedAt: 1000 }])
      const found = new Map<string, KeyRecord>()
      for (const key of await keyPager.all(two, { owner })) found.set(key.id, key)
      same('list: the key that was used', found.get(used.id), {
        ...used,
        lastUsedAt: { [used.primary.id]: 1000 },
      })
      same('list: the key that was not used', found.get(unused.id), unused)
    },
  },
  {
    name: 'records batches with repeated secrets and with keys that do not exist',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const keys = Array.from({ length: 50 }, () => newKey())
      await Promise.all(keys.map((key) => one.put(key, undefined, undefined)))
      const uses = [...keys, newKey(), newKey()].flatMap(({ id, primary }) =>
        [3000, 1000, 2000].map((usedAt) => ({ keyId: id, secretId: primary.id, usedAt })),
      )
      await Promise.all([
        one.recordUse(uses),
        two.recordUse([...uses].reverse()),
        one.recordUse(uses),
        two.recordUse(uses),
      ])
      for (const key of keys)
        await expectGet(two, key.id, { ...key, lastUsedAt: { [key.primary.id]: 3000 } })
    },
  },
  {
    name: 'forgets the uses of a deleted key, and records none for a missing key',
    async run(open) {
      const store = await open()
      const key = newKey()
      await store.recordUse([])
      await store.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 1000 }])
      await expectGet(store, key.id, undefined)
      await expectPut(store, key, undefined, 'stored')
      await expectGet(store, key.id, key)
      await store.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 1000 }])
      await expectDelete(store, key.id, key.version, 'deleted')
      await expectPut(store, key, undefined, 'stored')
      await expectGet(store, key.id, key)
    },
  },
]
