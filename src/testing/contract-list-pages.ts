import type { KeyRecord } from '../core/model/api-key.ts'
import type { KeyStore } from '../core/store/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectDelete, expectPut, putAll } from './expect.ts'
import { compare, expectList, keyPager } from './pages.ts'
import { same } from './same.ts'
import { changedKey, newId, newKey, tenantScope } from './sample.ts'

const idsOf = (keys: readonly KeyRecord[]) => keys.map(({ id }) => id)

/** The contract for the order and the pages of a list. */
export const listPageCases: readonly StoreContractCase[] = [
  {
    name: 'sorts keys by time, and within a millisecond by the bytes of their ids',
    async run(open) {
      const store = await open()
      const owner = newId()
      const times = [0, 9, 10, 99, 1000, 1_767_225_600_000, 253_402_300_799_000]
      const endings = ['', '-', '0', '9', 'A', 'Z', '_', 'a', 'z', 'zz']
      const id = newId()
      const keys = times
        .flatMap((createdAt) =>
          endings.map((ending) => newKey({ owner, createdAt, id: `${id}${createdAt}x${ending}` })),
        )
        .sort((a, b) => (a.primary.id < b.primary.id ? -1 : 1))
      await putAll(store, keys)
      await expectList(store, { owner, limit: 7 }, keys)
    },
  },
  {
    name: 'ends with the page that holds the last key',
    async run(open) {
      const store = await open()
      const owner = newId()
      const countOf = async (limit: number, after?: { at: number; id: string }) => {
        const { values, next } = await keyPager.page(store, { owner, limit, after })
        return { count: values.length, isLast: next === undefined, next }
      }
      const { next: _, ...empty } = await countOf(3)
      same('an empty list', empty, { count: 0, isLast: true })
      await putAll(
        store,
        Array.from({ length: 6 }, () => newKey({ owner })),
      )
      const { next, ...first } = await countOf(3)
      same('the first page of two', first, { count: 3, isLast: false })
      const { next: _end, ...last } = await countOf(3, next)
      same('the last page of two', last, { count: 3, isLast: true })
      const { next: _none, ...only } = await countOf(6)
      same('the only page', only, { count: 6, isLast: true })
    },
  },
  {
    name: 'continues from any position, also from that of a deleted key',
    async run(open) {
      const store = await open()
      const owner = newId()
      const keys = [3, 1, 2, 2, 5, 2].map((createdAt) => newKey({ owner, createdAt }))
      const deleted = newKey({ owner, createdAt: 2 })
      await putAll(store, [...keys, deleted])
      await expectDelete(store, deleted.id, deleted.version, 'deleted')
      const positions = [
        ...[deleted, ...keys].map(({ createdAt, id }) => ({ at: createdAt, id })),
        { at: 0, id: '0' },
        { at: 4, id: 'z'.repeat(64) },
        { at: 2, id: '-' },
        { at: 2, id: 'zz' },
        { at: Number.MAX_SAFE_INTEGER, id: '_' },
      ]
      const sorted = [...keys].sort((a, b) =>
        compare({ at: a.createdAt, id: a.id }, { at: b.createdAt, id: b.id }),
      )
      for (const after of positions)
        for (const sort of ['newest', 'oldest'] as const) {
          const found = await keyPager.all(store, { owner, sort, after })
          const isBehind = ({ createdAt, id }: KeyRecord) =>
            compare({ at: createdAt, id }, after) * (sort === 'oldest' ? 1 : -1) > 0
          const expected = idsOf(sorted.filter(isBehind))
          same(
            `the ids of list with sort ${sort} after ${JSON.stringify(after)}`,
            idsOf(found),
            sort === 'newest' ? expected.reverse() : expected,
          )
        }
    },
  },
  {
    name: 'follows short and empty pages to the one key among many that matches',
    async run(open) {
      const store = await open()
      const owner = newId()
      const others = Array.from({ length: 3000 }, (_, i) => newKey({ owner, createdAt: 10 + i }))
      const oldest = newKey({ owner, createdAt: 9, name: 'needle', scope: tenantScope('t') })
      await putAll(store, [...others, oldest])
      // A name of one character: no index of names leads.
      await expectList(store, { owner, tenants: ['t', 'u'], name: 'n' }, [oldest])
      await expectList(store, { owner, tenants: ['t', 'u'], state: 'expired' }, [])
    },
  },
  {
    name: 'skips no key and repeats none while keys are created, changed and deleted',
    async run(open) {
      const [one, two] = [await open(), await open()]
      for (const sort of ['newest', 'oldest'] as const) {
        const owner = newId()
        const timed = (i: number) => newKey({ owner, createdAt: 1000 + Math.floor(i / 4) })
        const keys = Array.from({ length: 240 }, (_, i) => timed(i))
        // A third of the keys stays as it is.
        const [changing, ending] = [1, 2].map((rest) => keys.filter((_, i) => i % 3 === rest)) as [
          KeyRecord[],
          KeyRecord[],
        ]
        await putAll(one, keys)
        const listed: string[] = []
        for await (const page of keyPager.pages(two, { owner, sort, limit: 7 })) {
          listed.push(...idsOf(page))
          const [changed, ended] = [changing.pop(), ending.pop()]
          await Promise.all([
            expectPut(one, timed(listed.length), undefined, 'stored'),
            changed &&
              expectPut(two, changedKey(changed, { name: 'other' }), changed.version, 'stored'),
            ended && expectDelete(one, ended.id, ended.version, 'deleted'),
          ])
        }
        same('the number of keys listed twice', listed.length - new Set(listed).size, 0)
        const found = new Set(listed)
        const skipped = keys.filter(({ id }, i) => i % 3 !== 2 && !found.has(id))
        same('the ids of keys that list skipped', idsOf(skipped), [])
      }
    },
  },
  {
    name: 'lists 10,000 keys page by page, each once, while other keys are created',
    async run(open) {
      const store: KeyStore = await open()
      const owner = newId()
      const keys = Array.from({ length: 10_000 }, () => newKey({ owner }))
      await putAll(store, keys)
      const listed: string[] = []
      for await (const page of keyPager.pages(store, { owner, limit: 100 })) {
        listed.push(...idsOf(page))
        await expectPut(store, newKey({ owner: newId() }), undefined, 'stored')
      }
      same('the number of keys listed', listed.length, keys.length)
      same('the number of keys listed, each counted once', new Set(listed).size, keys.length)
    },
  },
]
