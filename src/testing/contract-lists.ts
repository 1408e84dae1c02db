import type { AliasRecord, KeyRecord } from '../core/model/api-key.ts'
import type { KeyStore } from '../core/store/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectDelete, expectGet, expectList, expectPut, pageOf, pages, same } from './expect.ts'
import { newId, newKey, newSecret } from './sample.ts'

/** What the contract says of lists, last uses and watching. */
export const listCases: readonly StoreContractCase[] = [
  {
    name: 'keeps aliases, and never lists them',
    async run(open) {
      const store = await open()
      const owner = newId()
      const key = newKey({ owner })
      const alias: AliasRecord = {
        kind: 'alias',
        id: `alias-${newId()}`,
        version: 1,
        keyId: key.id,
      }
      await expectPut(store, alias, undefined, 'stored')
      await store.put(key, undefined)
      await expectGet(store, alias.id, alias)
      await expectList(store, { owner }, [key])
      await expectPut(store, { ...alias, version: 2 }, 1, 'stored')
      await expectDelete(store, alias.id, 2, 'deleted')
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
      const peppered = newKey({
        owner,
        primary: newSecret(`hmac-sha-256:${pepper}:${'p'.repeat(43)}`),
      })
      for (const key of [mine, disabled, revoked, everywhere, peppered])
        await expectPut(store, key, undefined, 'stored')
      await expectList(store, { tenant }, [mine, disabled, revoked])
      await expectList(store, { owner }, [mine, disabled, everywhere, peppered])
      await expectList(store, { tenant, state: 'enabled' }, [mine])
      await expectList(store, { tenant, state: 'disabled' }, [disabled])
      await expectList(store, { tenant, state: 'revoked' }, [revoked])
      await expectList(store, { tenant, owner: null }, [revoked])
      await expectList(store, { pepper }, [peppered])
      await expectList(store, { owner, pepper: null, state: 'enabled' }, [
        mine,
        everywhere,
        peppered,
      ])
      await expectList(store, { tenant: tenant.toUpperCase() }, [])
      await expectList(store, { owner: "' OR ''='" }, [])
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
        newKey({
          owner: `${id}${name}`,
          scope: { tenants: [`${id}${name}`], environments: '*', workflows: '*' },
        }),
      )
      for (const key of keys) await expectPut(store, key, undefined, 'stored')
      for (const [i, name] of names.entries()) {
        await expectList(store, { owner: `${id}${name}` }, [keys[i] as KeyRecord])
        await expectList(store, { tenant: `${id}${name}` }, [keys[i] as KeyRecord])
      }
    },
  },
  {
    name: 'ends with the page that has the last key',
    async run(open) {
      const store = await open()
      const owner = newId()
      const page = async (
        what: string,
        limit: number,
        cursor: string | undefined,
        count: number,
      ) => {
        const { keys, next } = await pageOf(store, { owner, limit, cursor })
        same(`the number of keys on ${what}`, keys.length, count)
        return next
      }
      same('next of a list of nothing', await page('a list of nothing', 3, undefined, 0), undefined)
      for (let i = 0; i < 6; i++) await expectPut(store, newKey({ owner }), undefined, 'stored')
      const cursor = await page('the first page of two', 3, undefined, 3)
      same(
        'next of the last page of two',
        await page('the last page of two', 3, cursor, 3),
        undefined,
      )
      same('next of the only page', await page('the only page', 6, undefined, 6), undefined)
    },
  },
  {
    name: 'goes on from a cursor whose key is gone, and answers or throws for one that it never gave',
    async run(open) {
      const store = await open()
      const owner = newId()
      const keys = Array.from({ length: 5 }, () => newKey({ owner }))
      for (const key of keys) await expectPut(store, key, undefined, 'stored')
      const first = await pageOf(store, { owner, limit: 2 })
      for (const { id, version } of first.keys) await expectDelete(store, id, version, 'deleted')
      const rest = await pageOf(store, { owner, limit: 100, cursor: first.next })
      const ids = (of: readonly KeyRecord[]) => of.map(({ id }) => id).sort()
      same('the ids of the two pages', ids([...first.keys, ...rest.keys]), ids(keys))
      for (const cursor of [
        '',
        "' OR ''='",
        '\u{1f511}',
        '%',
        '(',
        '[',
        '-',
        '+',
        'x'.repeat(5000),
      ]) {
        const page = await store.list({ owner, limit: 100, cursor }).catch(() => ({ keys: [] }))
        for (const key of page.keys)
          same('the owner of a key from a cursor that was never given', key.owner, owner)
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
        const outcomes = await Promise.all(
          writers.map((next, i) => (stores[i % 2] as KeyStore).put(next, key.version)),
        )
        key = writers[outcomes.indexOf('stored')] as KeyRecord
        for (const [i, writer] of writers.entries()) {
          await expectList(
            stores[0] as KeyStore,
            { tenant: writer.scope.tenants[0] },
            outcomes[i] === 'stored' ? [writer] : [],
          )
        }
      }
    },
  },
  {
    name: 'lists a key where it belongs after it was changed, and nowhere after it was deleted',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const [before, after] = [`t-${newId()}`, `t-${newId()}`]
      const key = newKey({ scope: { tenants: [before], environments: '*', workflows: '*' } })
      await expectPut(one, key, undefined, 'stored')
      const moved = { ...key, version: key.version + 1, scope: { ...key.scope, tenants: [after] } }
      await expectPut(one, moved, key.version, 'stored')
      await expectList(two, { tenant: before }, [])
      await expectList(two, { tenant: after }, [key])
      await expectDelete(one, key.id, moved.version, 'deleted')
      await expectList(two, { tenant: after }, [])
    },
  },
  {
    name: 'lists 10,000 keys page by page, each of them once, while others come and go',
    async run(open) {
      const store = await open()
      const owner = newId()
      const keys = Array.from({ length: 10_000 }, () => newKey({ owner }))
      for (let at = 0; at < keys.length; at += 100)
        await Promise.all(keys.slice(at, at + 100).map((key) => store.put(key, undefined)))
      const listed: string[] = []
      for await (const page of pages(store, { owner, limit: 100 })) {
        listed.push(...page.map(({ id }) => id))
        await expectPut(store, newKey({ owner: newId() }), undefined, 'stored')
      }
      same('the number of keys listed', listed.length, keys.length)
      same('the number of keys listed, each counted once', new Set(listed).size, keys.length)
    },
  },
  {
    name: 'joins the latest use of each secret, never goes back, and touches no record',
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
      await expectPut(
        one,
        { ...key, version: key.version + 1, lastUsedAt: {} },
        key.version,
        'stored',
      )
      await expectGet(two, key.id, {
        ...key,
        version: key.version + 1,
        lastUsedAt: { [first]: 2000, [second]: 619 },
      })
    },
  },
  {
    name: 'joins the last uses in a list too, and lists records as get answers them',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const owner = newId()
      const [used, unused] = [newKey({ owner }), newKey({ owner })]
      for (const key of [used, unused]) await expectPut(one, key, undefined, 'stored')
      await one.recordUse([{ keyId: used.id, secretId: used.primary.id, usedAt: 1000 }])
      const found = new Map<string, KeyRecord>()
      for await (const page of pages(two, { owner, limit: 3 }))
        for (const key of page) found.set(key.id, key)
      same('list: the key that was used', found.get(used.id), {
        ...used,
        lastUsedAt: { [used.primary.id]: 1000 },
      })
      same('list: the key that was not used', found.get(unused.id), unused)
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
    name: 'forgets the uses of a key that is deleted, and creates nothing for one that is not there',
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
      await expectPut(one, key, undefined, 'stored')
      await one.get(key.id)
      same('what was told after the end', heard - before, 0)
    },
  },
]
