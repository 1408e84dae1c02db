import type { AliasRecord, KeyRecord } from '../core/api-key.ts'
import type { KeyStore, ListQuery } from '../core/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { newId, newKey, newSecret, same } from './sample.ts'

/** What the contract says of lists, last uses and watching. */
export const listCases: readonly StoreContractCase[] = [
  {
    name: 'keeps aliases, and never lists them',
    async run(open) {
      const store = await open()
      const owner = newId()
      const key = newKey({ owner })
      const alias: AliasRecord = { kind: 'alias', id: `alias-${newId()}`, version: 1, keyId: key.id }
      await store.put(alias, undefined)
      await store.put(key, undefined)
      same(await store.get(alias.id), alias)
      same(await listAll(store, { owner }), [key.id])
      same(await store.put({ ...alias, version: 2 }, 1), 'stored')
      same(await store.delete(alias.id, 2), 'deleted')
    },
  },
  {
    name: 'lists by tenant, owner, state and pepper, and by all of them at once',
    async run(open) {
      const store = await open()
      const tenant = `t-${newId()}`
      const owner = `o-${newId()}`
      const pepper = newId()
      const scope = { tenants: [tenant, 'shared'], environments: '*', workflows: '*' } as const
      const mine = newKey({ owner, scope })
      const disabled = newKey({ owner, scope, enabled: false })
      const revoked = newKey({ scope, revokedAt: 5 })
      const everywhere = newKey({ owner, scope: { ...scope, tenants: '*' } })
      const peppered = newKey({ owner, primary: newSecret(`hmac-sha-256:${pepper}:${'p'.repeat(43)}`) })
      for (const key of [mine, disabled, revoked, everywhere, peppered]) await store.put(key, undefined)
      const ids = (...keys: KeyRecord[]) => keys.map(({ id }) => id).sort()
      same((await listAll(store, { tenant })).sort(), ids(mine, disabled, revoked))
      same((await listAll(store, { owner })).sort(), ids(mine, disabled, everywhere, peppered))
      same((await listAll(store, { tenant, state: 'enabled' })).sort(), ids(mine))
      same((await listAll(store, { tenant, state: 'disabled' })).sort(), ids(disabled))
      same((await listAll(store, { tenant, state: 'revoked' })).sort(), ids(revoked))
      same((await listAll(store, { tenant, owner: null })).sort(), ids(revoked))
      same((await listAll(store, { pepper })).sort(), ids(peppered))
      same((await listAll(store, { owner, pepper: null, state: 'enabled' })).sort(), ids(mine, everywhere, peppered))
      same(await listAll(store, { tenant: tenant.toUpperCase() }), [])
      same(await listAll(store, { owner: "' OR ''='" }), [])
    },
  },
  {
    name: 'tells names apart to the last character, whatever they are made of',
    async run(open) {
      const store = await open()
      const id = newId()
      const names = [
        'a',
        'A',
        'a ',
        ' a',
        '\u00e9',
        'e\u0301',
        '%',
        '_',
        '*',
        '?',
        '[a]',
        "'",
        '"',
        '\\',
        ':',
        'a:b',
        '\u{1f511}',
        '\uff21',
        'no-owner',
        'null',
      ]
      const keys = names.map((name) =>
        newKey({ owner: `${id}${name}`, scope: { tenants: [`${id}${name}`], environments: '*', workflows: '*' } }),
      )
      for (const key of keys) await store.put(key, undefined)
      for (const [i, name] of names.entries()) {
        same(await listAll(store, { owner: `${id}${name}` }), [keys[i]?.id])
        same(await listAll(store, { tenant: `${id}${name}` }), [keys[i]?.id])
      }
    },
  },
  {
    name: 'ends with the page that has the last key',
    async run(open) {
      const store = await open()
      const owner = newId()
      same(await store.list({ owner, limit: 3 }), { keys: [], next: undefined })
      for (let i = 0; i < 6; i++) await store.put(newKey({ owner }), undefined)
      const first = await store.list({ owner, limit: 3 })
      const second = await store.list({ owner, limit: 3, cursor: first.next })
      same([first.keys.length, second.keys.length, second.next], [3, 3, undefined])
      same((await store.list({ owner, limit: 6 })).next, undefined)
    },
  },
  {
    name: 'goes on from a cursor whose key is gone, and answers or throws for one that it never gave',
    async run(open) {
      const store = await open()
      const owner = newId()
      const keys = Array.from({ length: 5 }, () => newKey({ owner }))
      for (const key of keys) await store.put(key, undefined)
      const first = await store.list({ owner, limit: 2 })
      for (const { id, version } of first.keys) await store.delete(id, version)
      const rest = await store.list({ owner, limit: 100, cursor: first.next })
      same([...first.keys, ...rest.keys].map(({ id }) => id).sort(), keys.map(({ id }) => id).sort())
      for (const cursor of ['', "' OR ''='", '\u{1f511}', '%', '(', '[', '-', '+', 'x'.repeat(5000)]) {
        const page = await store.list({ owner, limit: 100, cursor }).catch(() => ({ keys: [] }))
        for (const key of page.keys) same(key.owner, owner)
      }
    },
  },
  {
    name: 'lists by what the record says after writers have raced',
    async run(open) {
      const stores = [await open(), await open()]
      const id = newId()
      let key = newKey({ scope: { tenants: [`${id}-0`], environments: '*', workflows: '*' } })
      await stores[0]?.put(key, undefined)
      for (let round = 1; round <= 10; round++) {
        const writers = Array.from({ length: 6 }, (_, i) => ({
          ...key,
          version: key.version + 1 + i,
          scope: { ...key.scope, tenants: [`${id}-${round}-${i}`] },
        }))
        const outcomes = await Promise.all(writers.map((next, i) => (stores[i % 2] as KeyStore).put(next, key.version)))
        key = writers[outcomes.indexOf('stored')] as KeyRecord
        const found = await Promise.all(writers.map(({ scope }) => listAll(stores[0] as KeyStore, { tenant: scope.tenants[0] })))
        same(
          found.map((ids) => ids.length),
          outcomes.map((outcome) => (outcome === 'stored' ? 1 : 0)),
        )
      }
    },
  },
  {
    name: 'lists a key where it belongs after it was changed, and nowhere after it was deleted',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const [before, after] = [`t-${newId()}`, `t-${newId()}`]
      const key = newKey({ scope: { tenants: [before], environments: '*', workflows: '*' } })
      await one.put(key, undefined)
      const moved = { ...key, version: key.version + 1, scope: { ...key.scope, tenants: [after] } }
      await one.put(moved, key.version)
      same(await listAll(two, { tenant: before }), [])
      same(await listAll(two, { tenant: after }), [key.id])
      await one.delete(key.id, moved.version)
      same(await listAll(two, { tenant: after }), [])
    },
  },
  {
    name: 'lists 10,000 keys page by page, each of them once, while others come and go',
    async run(open) {
      const store = await open()
      const owner = newId()
      const keys = Array.from({ length: 10_000 }, () => newKey({ owner }))
      for (let at = 0; at < keys.length; at += 100) await Promise.all(keys.slice(at, at + 100).map((key) => store.put(key, undefined)))
      const listed: string[] = []
      let cursor: string | undefined
      do {
        const page = await store.list({ owner, limit: 100, cursor })
        if (page.keys.length > 100) throw new Error(`a page of 100 has ${page.keys.length} keys`)
        listed.push(...page.keys.map(({ id }) => id))
        cursor = page.next
        await store.put(newKey({ owner: newId() }), undefined)
      } while (cursor !== undefined)
      same(listed.length, keys.length)
      same(new Set(listed).size, keys.length)
    },
  },
  {
    name: 'joins the latest use of each secret, never goes back, and touches no record',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const key = newKey()
      const [first, second] = [key.primary.id, newId()]
      await one.put(key, undefined)
      await one.recordUse([
        { keyId: key.id, secretId: first, usedAt: 2000 },
        { keyId: key.id, secretId: second, usedAt: 500 },
      ])
      await two.recordUse([{ keyId: key.id, secretId: first, usedAt: 1000 }])
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).recordUse([{ keyId: key.id, secretId: second, usedAt: 600 + i }])),
      )
      same(await two.get(key.id), { ...key, lastUsedAt: { [first]: 2000, [second]: 619 } })
      same(await one.put({ ...key, version: key.version + 1, lastUsedAt: {} }, key.version), 'stored')
      same((await two.get(key.id)) as KeyRecord, { ...key, version: key.version + 1, lastUsedAt: { [first]: 2000, [second]: 619 } })
    },
  },
  {
    name: 'takes many uses at once, some of them of the same secret, of keys that are there and of others',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const keys = Array.from({ length: 50 }, () => newKey())
      await Promise.all(keys.map((key) => one.put(key, undefined)))
      const uses = [...keys, newKey(), newKey()].flatMap(({ id, primary }) =>
        [3000, 1000, 2000].map((usedAt) => ({ keyId: id, secretId: primary.id, usedAt })),
      )
      await Promise.all([one.recordUse(uses), two.recordUse([...uses].reverse()), one.recordUse(uses), two.recordUse(uses)])
      const found = await Promise.all(keys.map(({ id }) => two.get(id)))
      same(
        found,
        keys.map((key) => ({ ...key, lastUsedAt: { [key.primary.id]: 3000 } })),
      )
    },
  },
  {
    name: 'forgets the uses of a key that is deleted, and creates nothing for one that is not there',
    async run(open) {
      const store = await open()
      const key = newKey()
      await store.recordUse([])
      await store.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 1000 }])
      same(await store.get(key.id), undefined)
      await store.put(key, undefined)
      same(await store.get(key.id), key)
      await store.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 1000 }])
      await store.delete(key.id, key.version)
      await store.put(key, undefined)
      same(await store.get(key.id), key)
    },
  },
  {
    name: 'shares no object with its caller',
    async run(open) {
      const store = await open()
      const key = newKey({ scope: { tenants: ['t'], environments: '*', workflows: '*' } })
      const given = structuredClone(key)
      await store.put(given, undefined)
      ;(given.scope.tenants as string[]).push('u')
      same(await store.get(key.id), key)
    },
  },
  {
    name: 'tells every watcher of every change at least once, or that it may have missed some, until it stops',
    async run(open) {
      const [one, two] = [await open(), await open()]
      if (two.watch === undefined) return
      const key = newKey()
      let told: () => void = () => {}
      let heard = 0
      const stop = await two.watch((id) => {
        if (id !== undefined && id !== key.id) return
        heard++
        told()
      })
      const next = async (change: () => Promise<unknown>) => {
        const notice = new Promise<void>((resolve) => {
          told = resolve
        })
        await change()
        await notice
      }
      await next(() => one.put(key, undefined))
      await next(() => one.put({ ...key, version: key.version + 1 }, key.version))
      await next(() => one.delete(key.id, key.version + 1))
      await stop()
      const before = heard
      await one.put(key, undefined)
      await one.get(key.id)
      same(heard, before)
    },
  },
]

async function listAll(store: KeyStore, query: Omit<ListQuery, 'limit' | 'cursor'>): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page = await store.list({ ...query, limit: 3, cursor })
    ids.push(...page.keys.map(({ id }) => id))
    cursor = page.next
  } while (cursor !== undefined)
  return ids
}
