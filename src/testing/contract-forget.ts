import type { KeyRecord } from '../core/model/api-key.ts'
import type { HistoryEntry } from '../core/model/history.ts'
import type { KeyStore } from '../core/store/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectDelete, expectGet, expectPut, turn } from './expect.ts'
import { expectHistory, historyPager } from './pages.ts'
import { same } from './same.ts'
import { changedKey, NOW, newEntry, newId, newKey, tenantScope } from './sample.ts'

// Entries of the year 1970, so that forgetting them leaves those of other cases.
const OLD = 50_000
const MAX_CALLS = 10_000

/** Calls `forgetHistory` until it returns 0. Returns the sum of its answers. */
async function forgetAll(store: KeyStore, before: number): Promise<number> {
  let sum = 0
  for (let calls = 0; calls < MAX_CALLS; calls++) {
    const count = await store.forgetHistory(before)
    if (!Number.isSafeInteger(count) || count < 0)
      throw new Error(`forgetHistory: found ${String(count)}, expected a number of entries`)
    if (count === 0) return sum
    sum += count
  }
  throw new Error(`forgetHistory returned no 0 in ${MAX_CALLS} calls`)
}

/** The contract for the end of old entries. */
export const forgetCases: readonly StoreContractCase[] = [
  {
    name: 'forgets the entries before a time, and no other entry and no record',
    async run(open) {
      const [one, two] = [await open(), await open()]
      await forgetAll(one, OLD)
      const [owner, tenant] = [newId(), newId()]
      let key = newKey({ owner, scope: tenantScope(tenant) })
      const gone = newKey({ owner, scope: tenantScope(tenant) })
      const entries: HistoryEntry[] = []
      for (const at of [10, OLD - 1, OLD, NOW]) {
        const next = changedKey(key)
        const entry = newEntry(next, { at })
        await expectPut(one, next, at === 10 ? undefined : key.version, 'stored', entry)
        key = next
        entries.push(entry)
      }
      await expectPut(one, gone, undefined, 'stored', newEntry(gone, { at: 20 }))
      await expectDelete(one, gone.id, gone.version, 'deleted', newEntry(gone, { at: 30 }))
      same('the number of entries forgotten', await forgetAll(two, OLD), 4)
      const filters = [{ owner }, { tenant }, { tenants: [tenant] }, { keyId: key.id }]
      for (const filter of filters) await expectHistory(one, filter, entries.slice(2))
      await expectHistory(one, { keyId: gone.id }, [])
      await expectGet(one, key.id, key)
      same('the number of entries forgotten afterwards', await two.forgetHistory(OLD), 0)
      const last = changedKey(key)
      const entry = newEntry(last, { at: NOW + 1 })
      await expectPut(two, last, key.version, 'stored', entry)
      await expectHistory(one, { keyId: key.id }, [...entries.slice(2), entry])
    },
  },
  {
    name: 'forgets the oldest entries first, in as many calls as it takes',
    async run(open) {
      const [one, two] = [await open(), await open()]
      await forgetAll(one, OLD)
      const owner = newId()
      const write = async (column: number) => {
        let key: KeyRecord | undefined
        for (let row = 0; row < 100; row++) {
          const next: KeyRecord = key ? changedKey(key) : newKey({ owner })
          // The keys share each millisecond.
          const entry = newEntry(next, { at: 1000 + row * 10 + (column % 3) })
          await expectPut(column % 2 ? one : two, next, key?.version, 'stored', entry)
          key = next
        }
      }
      await Promise.all(Array.from({ length: 15 }, (_, column) => write(column)))
      const timesLeft = async () =>
        (await historyPager.all(one, { owner, sort: 'oldest', limit: 100 })).map(({ at }) => at)
      let before = await timesLeft()
      same('the number of entries', before.length, 1500)
      for (let calls = 0; before.length > 0 && calls < MAX_CALLS; calls++) {
        const count = await two.forgetHistory(OLD)
        const left = await timesLeft()
        same('the number of entries left', left.length, before.length - count)
        same('the times of the entries left', left, before.slice(count))
        if (count === 0) break
        before = left
      }
      same('the number of entries left at 0', before.length, 0)
    },
  },
  {
    name: 'forgets old entries while writers write, and loses no entry of theirs',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const owner = newId()
      const kept: HistoryEntry[] = []
      const keys: KeyRecord[] = []
      const writer = async (store: KeyStore) => {
        let key = newKey({ owner })
        for (let count = 0; count < 30; count++) {
          const next = count === 0 ? key : changedKey(key)
          const isOld = count < 15
          const entry = newEntry(next, { at: isOld ? 2000 + count : NOW + count })
          await expectPut(store, next, count === 0 ? undefined : key.version, 'stored', entry)
          key = next
          if (!isOld) kept.push(entry)
        }
        keys.push(key)
      }
      let isWriting = true
      const writing = Promise.all([one, two, one, two].map(writer)).finally(() => {
        isWriting = false
      })
      const forget = async (store: KeyStore) => {
        while (isWriting) {
          await forgetAll(store, OLD)
          await turn()
        }
      }
      await Promise.all([writing, forget(one), forget(two)])
      await forgetAll(one, OLD)
      await expectHistory(two, { owner, limit: 20 }, kept)
      for (const key of keys) await expectGet(two, key.id, key)
    },
  },
]
