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
