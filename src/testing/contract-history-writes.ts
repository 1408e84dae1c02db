import type { AliasRecord, KeyRecord } from '../core/model/api-key.ts'
import type { HistoryEntry } from '../core/model/history.ts'
import type { KeyStore } from '../core/store/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectDelete, expectGet, expectPut } from './expect.ts'
import { expectHistory } from './pages.ts'
import { same } from './same.ts'
import { changedKey, NOW, newEntry, newId, newKey, tenantScope } from './sample.ts'

/** The contract for the entry that is written together with a change. */
export const historyWriteCases: readonly StoreContractCase[] = [
  {
    name: 'writes the entry of the history with the change, and none without it',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      const { id } = key
      const next = changedKey(key)
      const created = newEntry(key, { type: 'key.created', at: NOW })
      const updated = newEntry(next, { at: NOW + 1 })
      const deleted = newEntry(next, { type: 'key.deleted', at: NOW + 2 })
      const refused = (expected: KeyRecord) => newEntry(expected, { at: NOW + 3 })
      await expectPut(one, next, key.version, 'missing', refused(next))
      await expectDelete(one, id, key.version, 'missing', refused(key))
      await expectHistory(two, { keyId: id }, [])
      await expectPut(one, key, undefined, 'stored', created)
      await expectHistory(two, { keyId: id }, [created])
      await expectPut(one, next, undefined, 'conflict', refused(next))
      await expectPut(two, changedKey(next), next.version, 'conflict', refused(next))
      await expectDelete(two, id, next.version, 'conflict', refused(next))
      await expectHistory(one, { keyId: id }, [created])
      await expectPut(two, next, key.version, 'stored', updated)
      await expectHistory(one, { keyId: id }, [created, updated])
      await expectDelete(one, id, next.version, 'deleted', deleted)
      await expectHistory(two, { keyId: id }, [created, updated, deleted])
    },
  },
  {
    name: 'keeps the history of a deleted key, also after its id is used again',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const [owner, tenant] = [newId(), newId()]
      const key = newKey({ owner, scope: tenantScope(tenant) })
      const again = newKey({ id: key.id, owner, scope: tenantScope(tenant) })
      const entries = [key, key, again, again].map((each, i) => newEntry(each, { at: NOW + i }))
      await expectPut(one, key, undefined, 'stored', entries[0])
      await expectDelete(one, key.id, key.version, 'deleted', entries[1])
      for (const filter of [{ keyId: key.id }, { owner }, { tenant }, { tenants: [tenant] }])
        await expectHistory(two, filter, entries.slice(0, 2))
      await expectPut(two, again, undefined, 'stored', entries[2])
      await expectDelete(two, key.id, again.version, 'deleted', entries[3])
      await expectHistory(one, { keyId: key.id }, entries)
      await expectHistory(one, { owner, tenant }, entries)
    },
  },
  {
    name: 'writes no entry with a change that has none, nor with an alias',
    async run(open) {
      const store = await open()
      const key = newKey()
      const alias: AliasRecord = {
        kind: 'alias',
        id: `alias-${newId()}`,
        version: 1,
        keyId: key.id,
      }
      await expectPut(store, key, undefined, 'stored')
      await expectPut(store, changedKey(key), key.version, 'stored')
      await expectPut(store, alias, undefined, 'stored')
      await expectDelete(store, alias.id, 1, 'deleted')
      await expectDelete(store, key.id, changedKey(key).version, 'deleted')
      for (const keyId of [key.id, alias.id]) await expectHistory(store, { keyId }, [])
    },
  },
  {
    name: 'returns exactly the entry that was written, with every member, on every instance',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const names = (letter: string) =>
        Array.from({ length: 64 }, (_, i) => `${letter}${i}\u{1f511}`.padEnd(128, '\u4e2d'))
      const key = newKey({
        name: '\u{1f511}'.repeat(64),
        owner: `${newId()}'"\\ \u2028`.padEnd(128, '\u00e9'),
        scope: tenantScope(...names('t')),
      })
      const { version } = key
      const scope = { tenants: names('t'), environments: names('e'), workflows: names('w') }
      const entry = newEntry(key, {
        id: newId().padEnd(64, '_-'),
        type: 'key.created',
        at: 253_402_300_799_999,
        actor: 'ada@example.com e\u0301',
        slots: ['primary', 'secondary'],
        changes: {
          name: ['before \u2028', '\u{1f511}'],
          metadata: [{ a: [1.5, -1.5e-300, true, null, { b: '\u2029' }] }, {}],
          scope: [scope, { ...scope, workflows: '*' }],
          expiresAt: [null, 9_007_199_254_740_991],
          limits: [null, [{ requests: 5, perSeconds: 1 }]],
        },
        source: {
          requestId: 'r'.repeat(200),
          address: '2001:db8::1',
          userAgent: 'curl/8 (\u00e9)',
        },
        requestDigest: 'd'.repeat(43),
      })
      await expectPut(one, key, undefined, 'stored', entry)
      for (const store of [one, two])
        for (const filter of [{ keyId: key.id }, { owner: key.owner }])
          await expectHistory(store, filter, [entry])
      await expectGet(two, key.id, { ...key, version })
    },
  },
  {
    name: 'leaves after racing writers exactly the entries of those that were stored',
    async run(open) {
      const stores = [await open(), await open()]
      let key = newKey()
      const entries: HistoryEntry[] = []
      const race = async (expected: number | undefined, round: number) => {
        const writers = Array.from({ length: 20 }, (_, i) => {
          const next = { ...key, version: key.version + i + (expected === undefined ? 0 : 1) }
          return { next, entry: newEntry(next, { at: NOW + round }) }
        })
        const outcomes = await Promise.all(
          writers.map(({ next, entry }, i) =>
            (stores[i % 2] as KeyStore).put(next, expected, entry),
          ),
        )
        const winners = writers.filter((_, i) => outcomes[i] === 'stored')
        same(`the number of racing puts of ${key.id} that were stored`, winners.length, 1)
        for (const { next, entry } of winners) {
          key = next
          entries.push(entry)
        }
        await expectHistory(stores[round % 2] as KeyStore, { keyId: key.id }, entries)
      }
      await race(undefined, 0)
      for (let round = 1; round < 5; round++) await race(key.version, round)
    },
  },
  {
    name: 'leaves exactly one entry of a deletion that races with writers and deletions',
    async run(open) {
      const stores = [await open(), await open()]
      for (let round = 0; round < 5; round++) {
        const key = newKey()
        const created = newEntry(key)
        await expectPut(stores[0] as KeyStore, key, undefined, 'stored', created)
        const next = changedKey(key)
        const entries = Array.from({ length: 10 }, () => newEntry(next, { at: NOW + 1 }))
        const outcomes = await Promise.all(
          entries.map((entry, i) =>
            i % 3 === 0
              ? (stores[i % 2] as KeyStore).put(next, key.version, entry)
              : (stores[i % 2] as KeyStore).delete(key.id, key.version, entry),
          ),
        )
        const written = entries.filter((_, i) => /stored|deleted/.test(outcomes[i] as string))
        same(`the number of racing changes of ${key.id} that were made`, written.length, 1)
        await expectHistory(stores[1] as KeyStore, { keyId: key.id }, [created, ...written])
      }
    },
  },
  {
    name: 'shares no entry with its caller',
    async run(open) {
      const store = await open()
      const key = newKey({ scope: tenantScope('t') })
      const [created, deleted] = [0, 1].map((later) =>
        newEntry(key, { at: NOW + later, changes: { metadata: [{}, { a: [1] }] } }),
      ) as [HistoryEntry, HistoryEntry]
      const given = structuredClone([created, deleted] as const)
      await expectPut(store, key, undefined, 'stored', given[0])
      await expectDelete(store, key.id, key.version, 'deleted', given[1])
      for (const { tenants, changes } of given) {
        ;(tenants as string[]).push('u')
        Object.assign(changes as object, { name: ['a', 'b'] })
      }
      await expectHistory(store, { keyId: key.id }, [created, deleted])
    },
  },
]
