import type { AliasRecord, KeyRecord } from '../core/model/api-key.ts'
import type { KeyStore } from '../core/store/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectDelete, expectGet, expectList, expectPut, pageOf, pages, same } from './expect.ts'
import { newId, newKey, newSecret } from './sample.ts'

/** The contract for listing keys. */
export const listCases: readonly StoreContractCase[] = [
  {
    name: 'keeps aliases but never lists them',
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
    name: 'lists by tenant, owner, state and pepper, alone and combined',
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
    name: 'compares owner and tenant names exactly, character by character',
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
    name: 'ends with the page that holds the last key',
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
      same('next of an empty list', await page('an empty list', 3, undefined, 0), undefined)
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
    name: 'continues from a cursor whose key was deleted, and returns or throws for an unknown cursor',
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
          same('the owner of a key listed from an unknown cursor', key.owner, owner)
      }
    },
  },
  {
    name: 'lists by the stored record after racing writes',
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
    name: 'lists a changed key by its new labels, and a deleted key nowhere',
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
    name: 'lists 10,000 keys page by page, each once, while other keys are created',
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
]
