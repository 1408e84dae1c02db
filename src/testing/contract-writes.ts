import type { KeyStore } from '../core/store/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectDelete, expectGet, expectPut } from './expect.ts'
import { keyPager } from './pages.ts'
import { same } from './same.ts'
import { changedKey, newId, newKey } from './sample.ts'

/** The contract for reading and writing one record. */
export const writeCases: readonly StoreContractCase[] = [
  {
    name: 'returns undefined for an unknown id',
    async run(open) {
      const store = await open()
      await expectGet(store, newId(), undefined)
      await expectPut(store, newKey(), 5, 'missing')
      await expectDelete(store, newId(), 5, 'missing')
    },
  },
  {
    name: 'returns exactly what was written, on every instance',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const names = Array.from(
        { length: 64 },
        (_, i) => `${i} \u00e9\u4e2d\u{1f511} ${'x'.repeat(120 - String(i).length)}`,
      )
      const metadata = {
        text: 'y'.repeat(3900),
        list: [1.5, true, null, { deep: ['"', '\\', '\u2028'] }],
      }
      const key = newKey({
        name: '\u{1f511}'.repeat(64),
        scope: { tenants: names, environments: '*', workflows: [] },
        metadata,
        tokens: false,
        limits: [
          { name: 'burst-1.s', requests: 5, perSeconds: 1 },
          { requests: 1_000_000, per: 'month' },
        ],
        networks: ['192.0.2.0/24', '2001:db8::/32'],
        disabledBy: { actor: 'ada', owner: 'o \u{1f511}', tenants: ['t', 'u'], at: 3 },
        revokedTokens: { [newId()]: 1_767_225_600_000, 'a-b_c': 1 },
      })
      await expectPut(one, key, undefined, 'stored')
      await expectGet(one, key.id, key)
      await expectGet(two, key.id, key)
    },
  },
  {
    name: 'keeps a record in which everything is at its limit',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const names = (axis: string) =>
        Array.from({ length: 64 }, (_, i) => `${axis}${i}`.padEnd(128, '\u4e2d'))
      const scope = { tenants: names('t'), environments: names('e'), workflows: names('w') }
      const numbers = {
        numbers: [0.1, -1.5e-300, 1.7976931348623157e308, Number.MAX_SAFE_INTEGER, -0.25],
      }
      const key = newKey({
        id: newId().padEnd(64, '_-'),
        owner: 'o'.repeat(128),
        scope,
        metadata: { ...numbers, text: '\u4e2d'.repeat(1300) },
      })
      await expectPut(one, key, undefined, 'stored')
      await expectGet(two, key.id, key)
      same(
        'the number of keys of an owner with a name at its limit',
        (await keyPager.page(two, { owner: key.owner, limit: 1 })).values.length,
        1,
      )
      await expectPut(two, changedKey(key), key.version, 'stored')
    },
  },
  {
    name: 'creates once',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      await expectPut(one, key, undefined, 'stored')
      await expectPut(two, changedKey(key, { name: 'other' }), undefined, 'conflict')
      await expectGet(two, key.id, key)
    },
  },
  {
    name: 'writes where the version matches, and only there',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      const next = { ...key, version: key.version + 7, name: 'next' }
      await expectPut(one, key, undefined, 'stored')
      await expectPut(two, next, key.version + 1, 'conflict')
      await expectPut(two, next, key.version, 'stored')
      await expectPut(one, { ...key, version: next.version + 1 }, key.version, 'conflict')
      await expectGet(one, key.id, next)
    },
  },
  {
    name: 'keeps versions up to the largest safe integer',
    async run(open) {
      const store = await open()
      const key = newKey({ version: Number.MAX_SAFE_INTEGER - 1 })
      await expectPut(store, key, undefined, 'stored')
      await expectPut(
        store,
        { ...key, version: Number.MAX_SAFE_INTEGER },
        Number.MAX_SAFE_INTEGER - 1,
        'stored',
      )
      await expectGet(store, key.id, { ...key, version: Number.MAX_SAFE_INTEGER })
    },
  },
  {
    name: 'deletes where the version matches, and only there',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      await expectPut(one, key, undefined, 'stored')
      await expectDelete(two, key.id, key.version + 1, 'conflict')
      await expectDelete(two, key.id, key.version, 'deleted')
      await expectGet(one, key.id, undefined)
      await expectDelete(one, key.id, key.version, 'missing')
      await expectPut(one, key, undefined, 'stored')
    },
  },
  {
    name: 'lets exactly one of many writers with the same expected version win',
    async run(open) {
      const stores = [await open(), await open()]
      const key = newKey()
      const race = async (expected: number | undefined) => {
        const writers = Array.from({ length: 20 }, (_, i) => ({
          ...key,
          // Never the expected version: writing it again would let a second writer succeed.
          version: (expected === undefined ? key.version : expected + 1) + i,
          name: `writer ${i}`,
        }))
        const outcomes = await Promise.all(
          writers.map((next, i) => (stores[i % 2] as KeyStore).put(next, expected, undefined)),
        )
        const count = (answer: string) => outcomes.filter((outcome) => outcome === answer).length
        const answers = { stored: count('stored'), conflict: count('conflict') }
        same(`the outcomes of 20 concurrent puts of ${key.id}`, answers, {
          stored: 1,
          conflict: 19,
        })
        await expectGet(stores[0] as KeyStore, key.id, writers[outcomes.indexOf('stored')])
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
      await expectPut(store, lower, undefined, 'stored')
      await expectPut(store, upper, undefined, 'stored')
      await expectGet(store, lower.id, lower)
      await expectDelete(store, upper.id, upper.version, 'deleted')
      await expectGet(store, lower.id, lower)
    },
  },
  {
    name: 'shares no object with its caller',
    async run(open) {
      const store = await open()
      const key = newKey({ scope: { tenants: ['t'], environments: '*', workflows: '*' } })
      const given = structuredClone(key)
      await expectPut(store, given, undefined, 'stored')
      ;(given.scope.tenants as string[]).push('u')
      await expectGet(store, key.id, key)
    },
  },
]
