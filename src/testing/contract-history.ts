import type { HistoryEntry } from '../core/model/history.ts'
import type { KeyStore, Position } from '../core/store/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectPut, turn } from './expect.ts'
import { compare, expectHistory, type HistoryFilter, historyPager } from './pages.ts'
import { same } from './same.ts'
import { changedKey, NOW, newEntry, newId, newKey, tenantScope } from './sample.ts'

const idsOf = (entries: readonly HistoryEntry[]) => entries.map(({ id }) => id)

/** The contract for reading the history. */
export const historyCases: readonly StoreContractCase[] = [
  {
    name: 'reads the history by key, owner and tenants, alone and combined',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const [owner, t, u] = [`o-${newId()}`, `t-${newId()}`, `u-${newId()}`]
      const write = async (at: number, of: string | null, tenants: string[] | '*') => {
        const key = newKey({ owner: of, scope: { ...tenantScope(), tenants } })
        const entry = newEntry(key, { at })
        await expectPut(one, key, undefined, 'stored', entry)
        return entry
      }
      const inT = await write(NOW, owner, [t])
      const inBoth = await write(NOW + 1, owner, [t, u])
      const everywhere = await write(NOW + 2, owner, '*')
      const nowhere = await write(NOW + 3, owner, [])
      const unowned = await write(NOW, null, [t, u])
      const expected: [HistoryFilter, HistoryEntry[]][] = [
        [{ keyId: inT.keyId }, [inT]],
        [{ owner }, [inT, inBoth, everywhere, nowhere]],
        [{ owner: owner.toUpperCase() }, []],
        [{ tenant: t }, [inT, inBoth, unowned]],
        [{ tenant: u }, [inBoth, unowned]],
        [{ tenants: [t] }, [inT]],
        [{ tenants: [u, t] }, [inT, inBoth, unowned]],
        [{ tenants: [u] }, []],
        [{ owner: null, tenant: t }, [unowned]],
        [{ owner: null, tenants: [t, u] }, [unowned]],
        [{ owner, tenant: t }, [inT, inBoth]],
        [{ owner, tenants: [t] }, [inT]],
        [{ owner, tenants: [] }, []],
        [{ tenant: u, tenants: [t, u], owner }, [inBoth]],
        [{ keyId: inBoth.keyId, owner, tenant: u, tenants: [t, u] }, [inBoth]],
        [{ keyId: inBoth.keyId, owner: null }, []],
        [{ keyId: inBoth.keyId, tenant: 'v' }, []],
        [{ keyId: inBoth.keyId, tenants: [t] }, []],
        [{ keyId: newId() }, []],
        [{ owner: "' OR ''='" }, []],
      ]
      for (const [filter, entries] of expected) await expectHistory(two, filter, entries)
    },
  },
  {
    name: 'finds an entry by the owner and the tenants after its change, not by those of later ones',
    async run(open) {
      const store = await open()
      const [before, after] = [newId(), newId()]
      const key = newKey({ owner: before, scope: tenantScope(before) })
      const moved = changedKey(key, { owner: after, scope: tenantScope(after) })
      const [created, updated] = [newEntry(key), newEntry(moved, { at: NOW + 1 })]
      await expectPut(store, key, undefined, 'stored', created)
      await expectPut(store, moved, key.version, 'stored', updated)
      for (const [name, entry] of [
        [before, created],
        [after, updated],
      ] as const) {
        await expectHistory(store, { owner: name }, [entry])
        await expectHistory(store, { tenant: name }, [entry])
        await expectHistory(store, { keyId: key.id, tenants: [name] }, [entry])
      }
      await expectHistory(store, { keyId: key.id }, [created, updated])
    },
  },
  {
    name: 'sorts entries by time, and within a millisecond by the bytes of their ids',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const owner = newId()
      const times = [99_999, 100_000, NOW, NOW + 1]
      const endings = ['', '-', '0', '9', 'A', 'Z', '_', 'a', 'z', 'zz']
      const entries = endings.flatMap((ending) =>
        times.map((at) => newEntry(newKey({ owner }), { at, id: `${owner}${at}x${ending}` })),
      )
      await Promise.all(
        entries.map((entry, i) =>
          expectPut(
            i % 2 === 0 ? one : two,
            newKey({ id: entry.keyId, owner }),
            undefined,
            'stored',
            entry,
          ),
        ),
      )
      await expectHistory(one, { owner, limit: 7 }, entries)
      const last = [...entries].sort(compare).at(-1) as HistoryEntry
      const page = await historyPager.page(one, { owner, limit: entries.length })
      same('next of the only page', page.next, undefined)
      same('the first entry of the newest page', page.values[0]?.id, last.id)
    },
  },
  {
    name: 'continues the history from any position, also from one without an entry',
    async run(open) {
      const store = await open()
      const owner = newId()
      const entries = [3, 1, 2, 2, 5, 2].map((at) => newEntry(newKey({ owner }), { at: NOW + at }))
      for (const entry of entries)
        await expectPut(store, newKey({ id: entry.keyId, owner }), undefined, 'stored', entry)
      const positions: Position[] = [
        ...entries.map(({ at, id }) => ({ at, id })),
        { at: 0, id: '0' },
        { at: NOW + 2, id: '-' },
        { at: NOW + 2, id: '8' },
        { at: NOW + 4, id: 'z'.repeat(64) },
        { at: Number.MAX_SAFE_INTEGER, id: '_' },
      ]
      for (const after of positions)
        for (const sort of ['newest', 'oldest'] as const) {
          const sign = sort === 'oldest' ? 1 : -1
          same(
            `the ids of history with sort ${sort} after ${JSON.stringify(after)}`,
            idsOf(await historyPager.all(store, { owner, sort, after })),
            idsOf(
              entries
                .filter((entry) => compare(entry, after) * sign > 0)
                .sort((a, b) => compare(a, b) * sign),
            ),
          )
        }
    },
  },
  {
    name: 'shows a reader of the history each entry once, in order, while writers write',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const owner = newId()
      const written: HistoryEntry[] = []
      let time = NOW
      const writer = async (store: KeyStore) => {
        let key = newKey({ owner })
        for (let count = 0; count < 40; count++) {
          const next = count === 0 ? key : changedKey(key)
          // Two writers share a millisecond.
          const entry = newEntry(next, { at: Math.floor(++time / 2) })
          await expectPut(store, next, count === 0 ? undefined : key.version, 'stored', entry)
          key = next
          written.push(entry)
        }
      }
      let isWriting = true
      const writing = Promise.all([one, two, one, two].map(writer)).finally(() => {
        isWriting = false
      })
      // Reads on from the last entry. An entry that is written later with an earlier time is not
      // behind that position, so it is not due.
      const readOn = async () => {
        let after: Position | undefined
        const found: HistoryEntry[] = []
        for (let isLast = false; !isLast; ) {
          await turn()
          isLast = !isWriting
          const due = written.filter((entry) => after === undefined || compare(entry, after) > 0)
          const read = await historyPager.all(two, { owner, sort: 'oldest', limit: 7, after })
          const ids = new Set(idsOf(read))
          const skipped = due.filter(({ id }) => !ids.has(id))
          same('the ids of written entries that history skipped', idsOf(skipped), [])
          found.push(...read)
          const last = read.at(-1)
          after = last ? { at: last.at, id: last.id } : after
        }
        same('the number of entries read twice', found.length - new Set(idsOf(found)).size, 0)
      }
      await Promise.all([readOn(), writing])
      await expectHistory(one, { owner, limit: 50 }, written)
    },
  },
  {
    name: 'pages back through the history without a gap while writers write',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const tenant = newId()
      const write = async (at: number) => {
        const key = newKey({ scope: tenantScope(tenant) })
        const entry = newEntry(key, { at })
        await expectPut(one, key, undefined, 'stored', entry)
        return entry
      }
      const entries = await Promise.all(
        Array.from({ length: 100 }, (_, i) => write(NOW + Math.floor(i / 10))),
      )
      const found: HistoryEntry[] = []
      for await (const page of historyPager.pages(two, { tenant, limit: 9 })) {
        found.push(...page)
        await write(NOW + 100)
      }
      same('the ids of the entries', idsOf(found), idsOf(entries.sort(compare).reverse()))
    },
  },
]
