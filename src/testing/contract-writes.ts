import type { KeyStore } from '../core/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { newId, newKey, same } from './sample.ts'

/** What the contract says of reading and writing one record. */
export const writeCases: readonly StoreContractCase[] = [
  {
    name: 'answers undefined for an id that is not there',
    async run(open) {
      const store = await open()
      same(await store.get(newId()), undefined)
      same(await store.put(newKey(), 5), 'missing')
      same(await store.delete(newId(), 5), 'missing')
    },
  },
  {
    name: 'answers what was written, on every instance, to the last character',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const names = Array.from({ length: 64 }, (_, i) => `${i} \u00e9\u4e2d\u{1f511} ${'x'.repeat(120 - String(i).length)}`)
      const metadata = { text: 'y'.repeat(3900), list: [1.5, true, null, { deep: ['"', '\\', '\u2028'] }] }
      const key = newKey({ name: '\u{1f511}'.repeat(64), scope: { tenants: names, environments: '*', workflows: [] }, metadata })
      same(await one.put(key, undefined), 'stored')
      same(await one.get(key.id), key)
      same(await two.get(key.id), key)
    },
  },
  {
    name: 'keeps a record at all its limits',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const names = (axis: string) => Array.from({ length: 64 }, (_, i) => `${axis}${i}`.padEnd(128, '\u4e2d'))
      const scope = { tenants: names('t'), environments: names('e'), workflows: names('w') }
      const numbers = { numbers: [0.1, -1.5e-300, 1.7976931348623157e308, Number.MAX_SAFE_INTEGER, -0.25] }
      const key = newKey({
        id: newId().padEnd(64, '_-'),
        owner: 'o'.repeat(128),
        scope,
        metadata: { ...numbers, text: '\u4e2d'.repeat(1300) },
      })
      same(await one.put(key, undefined), 'stored')
      same(await two.get(key.id), key)
      same((await two.list({ owner: key.owner, limit: 1 })).keys.length, 1)
      same(await two.put({ ...key, version: key.version + 1 }, key.version), 'stored')
    },
  },
  {
    name: 'creates once',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      same(await one.put(key, undefined), 'stored')
      same(await two.put({ ...key, version: key.version + 1, name: 'other' }, undefined), 'conflict')
      same(await two.get(key.id), key)
    },
  },
  {
    name: 'writes where the version is the expected one, and only there',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      const next = { ...key, version: key.version + 7, name: 'next' }
      await one.put(key, undefined)
      same(await two.put(next, key.version + 1), 'conflict')
      same(await two.put(next, key.version), 'stored')
      same(await one.put({ ...key, version: next.version + 1 }, key.version), 'conflict')
      same(await one.get(key.id), next)
    },
  },
  {
    name: 'keeps versions up to the largest safe integer',
    async run(open) {
      const store = await open()
      const key = newKey({ version: Number.MAX_SAFE_INTEGER - 1 })
      same(await store.put(key, undefined), 'stored')
      same(await store.put({ ...key, version: Number.MAX_SAFE_INTEGER }, Number.MAX_SAFE_INTEGER - 1), 'stored')
      same((await store.get(key.id))?.version, Number.MAX_SAFE_INTEGER)
    },
  },
  {
    name: 'deletes where the version is the expected one, and only there',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      await one.put(key, undefined)
      same(await two.delete(key.id, key.version + 1), 'conflict')
      same(await two.delete(key.id, key.version), 'deleted')
      same(await one.get(key.id), undefined)
      same(await one.delete(key.id, key.version), 'missing')
      same(await one.put(key, undefined), 'stored')
    },
  },
  {
    name: 'lets exactly one of many writers win that expect the same version',
    async run(open) {
      const stores = [await open(), await open()]
      const key = newKey()
      const race = async (expected: number | undefined) => {
        const writers = Array.from({ length: 20 }, (_, i) => ({
          ...key,
          // Never the version that is expected: a writer who wrote that again would leave it for another one.
          version: (expected === undefined ? key.version : expected + 1) + i,
          name: `writer ${i}`,
        }))
        const outcomes = await Promise.all(writers.map((next, i) => (stores[i % 2] as KeyStore).put(next, expected)))
        same(outcomes.filter((outcome) => outcome === 'stored').length, 1)
        same(outcomes.filter((outcome) => outcome === 'conflict').length, 19)
        same(await stores[0]?.get(key.id), writers[outcomes.indexOf('stored')])
      }
      await race(undefined)
      await race((await stores[0]?.get(key.id))?.version)
    },
  },
  {
    name: 'tells ids apart by case',
    async run(open) {
      const store = await open()
      const id = newId()
      const [lower, upper] = [newKey({ id: `${id}a` }), newKey({ id: `${id}A` })]
      same(await store.put(lower, undefined), 'stored')
      same(await store.put(upper, undefined), 'stored')
      same(await store.get(lower.id), lower)
      same(await store.delete(upper.id, upper.version), 'deleted')
      same(await store.get(lower.id), lower)
    },
  },
]
