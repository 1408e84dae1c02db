import type { AliasRecord, KeyRecord, KeyState } from '../core/model/api-key.ts'
import type { KeyStore } from '../core/store/store.ts'
import type { StoreContractCase } from './contract-case.ts'
import { expectDelete, expectGet, expectPut, putAll } from './expect.ts'
import { expectList, type ListFilter } from './pages.ts'
import { changedKey, NOW, newId, newKey, newSecret, tenantScope } from './sample.ts'

const DISABLED_BY = { actor: null, owner: null, tenants: null, at: 2 }

/** The contract for the filters of a list. */
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
      await putAll(store, [alias, key])
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
      const scope = tenantScope(tenant, 'shared')
      const mine = newKey({ owner, scope })
      const disabled = newKey({ owner, scope, disabledBy: DISABLED_BY })
      const revoked = newKey({ scope, revokedAt: 5 })
      const everywhere = newKey({ owner, scope: { ...scope, tenants: '*' } })
      const peppered = newKey({
        owner,
        primary: newSecret(`hmac-sha-256:${pepper}:${'p'.repeat(42)}A`),
      })
      await putAll(store, [mine, disabled, revoked, everywhere, peppered])
      await expectList(store, { tenant }, [mine, disabled, revoked])
      await expectList(store, { owner }, [mine, disabled, everywhere, peppered])
      await expectList(store, { tenant, state: 'active' }, [mine])
      await expectList(store, { tenant, state: 'disabled' }, [disabled])
      await expectList(store, { tenant, state: 'revoked' }, [revoked])
      await expectList(store, { tenant, owner: null }, [revoked])
      await expectList(store, { pepper }, [peppered])
      const unpeppered = { owner, pepper: null, state: 'active' } as const
      await expectList(store, unpeppered, [mine, everywhere, peppered])
      await expectList(store, { tenant: tenant.toUpperCase() }, [])
      await expectList(store, { owner: "' OR ''='" }, [])
    },
  },
  {
    name: 'lists for some tenants only the keys that name no other tenant',
    async run(open) {
      const store = await open()
      const [t, u, v] = [`t-${newId()}`, `u-${newId()}`, `v-${newId()}`]
      const [one, both, more] = [tenantScope(t), tenantScope(t, u), tenantScope(t, u, v)].map(
        (scope) => newKey({ scope }),
      ) as [KeyRecord, KeyRecord, KeyRecord]
      const everywhere = newKey({ name: t })
      const nowhere = newKey({ name: t, scope: tenantScope() })
      await putAll(store, [one, both, more, everywhere, nowhere])
      await expectList(store, { tenants: [t] }, [one])
      await expectList(store, { tenants: [u, t] }, [one, both])
      await expectList(store, { tenants: [v, u, t] }, [one, both, more])
      await expectList(store, { tenant: u, tenants: [t, u] }, [both])
      await expectList(store, { tenants: [] }, [])
      await expectList(store, { tenants: ['*'] }, [])
    },
  },
  {
    name: 'lists by each state at the time of the query',
    async run(open) {
      const store = await open()
      const tenants = [`t-${newId()}`, newId()]
      const scope = tenantScope(...tenants.slice(0, 1))
      const until = (expiresAt: number | null, digest: 'a' | 'b' = 'a') => ({
        ...newSecret(`sha-256:${digest.repeat(42)}A`),
        expiresAt,
      })
      const active = newKey({ scope })
      const ended = newKey({ scope, expiresAt: NOW })
      const ending = newKey({ scope, expiresAt: NOW + 1 })
      const replaced = newKey({ scope, primary: until(NOW - 1), secondary: until(NOW, 'b') })
      const oneSecret = newKey({ scope, primary: until(NOW), secondary: null })
      const inGrace = newKey({ scope, secondary: until(NOW - 1, 'b') })
      const disabled = newKey({ scope, disabledBy: DISABLED_BY, expiresAt: NOW })
      const revoked = newKey({ scope, revokedAt: 5, disabledBy: DISABLED_BY, expiresAt: NOW })
      const all = [active, ended, ending, replaced, oneSecret, inGrace, disabled, revoked]
      await putAll(store, all)
      const expected: Record<KeyState, KeyRecord[]> = {
        active: [active, ending, inGrace],
        expired: [ended, replaced, oneSecret],
        disabled: [disabled],
        revoked: [revoked],
      }
      for (const [state, keys] of Object.entries(expected) as [KeyState, KeyRecord[]][]) {
        await expectList(store, { tenant: tenants[0], state }, keys)
        // Two tenants: the index of the state leads.
        await expectList(store, { tenants, state }, keys)
      }
      await expectList(store, { tenants, state: 'expired', now: NOW + 1 }, [
        ...expected.expired,
        ending,
      ])
    },
  },
  {
    name: 'lists by the hint of either secret',
    async run(open) {
      const store = await open()
      const owner = newId()
      const hinted = (first: string, second: string) =>
        newKey({
          owner,
          primary: { ...newSecret(`sha-256:${'a'.repeat(42)}A`), hint: first },
          secondary: { ...newSecret(`sha-256:${'b'.repeat(42)}A`), hint: second },
        })
      const [first, second] = [hinted('%x_1', 'same'), hinted('same', '%X_1')]
      const other = newKey({ owner, secondary: null })
      const unhinted = hinted('', '')
      await putAll(store, [first, second, other, unhinted])
      await expectList(store, { owner, hint: 'same' }, [first, second])
      await expectList(store, { owner, hint: '%x_1' }, [first])
      await expectList(store, { owner, hint: '%X_1' }, [second])
      await expectList(store, { owner, hint: 'sam' }, [])
      await expectList(store, { owner, hint: '' }, [unhinted])
    },
  },
  {
    name: 'lists the keys that expire before a time, and never those without an end',
    async run(open) {
      const store = await open()
      const tenants = [`t-${newId()}`, newId()]
      const scope = tenantScope(...tenants)
      const [soon, later] = [newKey({ scope, expiresAt: 999 }), newKey({ scope, expiresAt: NOW })]
      const bySecret = newKey({
        scope,
        primary: { ...newSecret(`sha-256:${'a'.repeat(42)}A`), expiresAt: 1000 },
        secondary: null,
      })
      const disabled = newKey({ scope, expiresAt: 1000, disabledBy: DISABLED_BY })
      await putAll(store, [soon, later, bySecret, disabled, newKey({ scope })])
      await expectList(store, { tenants, expiresBefore: 999 }, [])
      await expectList(store, { tenants, expiresBefore: 1000 }, [soon])
      await expectList(store, { tenants, expiresBefore: 1001 }, [soon, bySecret, disabled])
      await expectList(store, { tenants, expiresBefore: NOW + 1, state: 'active', now: 999 }, [
        bySecret,
        later,
      ])
    },
  },
  {
    name: 'lists the keys that were not used since a time, by the last use of their present secrets',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const owner = newId()
      const [unused, used, recent] = [1000, 1001, 1002].map((createdAt) =>
        newKey({ owner, createdAt }),
      ) as [KeyRecord, KeyRecord, KeyRecord]
      await putAll(one, [unused, used, recent])
      await one.recordUse([
        { keyId: used.id, secretId: used.primary.id, usedAt: 3000 },
        { keyId: used.id, secretId: newId(), usedAt: 9000 },
        { keyId: recent.id, secretId: recent.primary.id, usedAt: 3000 },
        { keyId: recent.id, secretId: recent.secondary?.id as string, usedAt: 4000 },
      ])
      await expectList(two, { owner, unusedSince: 1000 }, [])
      await expectList(two, { owner, unusedSince: 1001 }, [unused])
      await expectList(two, { owner, unusedSince: 3000 }, [unused])
      await expectList(two, { owner, unusedSince: 3001 }, [unused, used])
      await expectList(two, { owner, unusedSince: 4001 }, [unused, used, recent])
    },
  },
  {
    name: 'lists by every filter at once only the keys that match all of them',
    async run(open) {
      const store = await open()
      const [tenant, owner, pepper] = [newId(), newId(), newId()]
      const primary = {
        ...newSecret(`hmac-sha-256:${pepper}:${'p'.repeat(42)}A`),
        hint: 'hint',
      }
      const key = newKey({
        owner,
        primary,
        secondary: null,
        name: `Nightly ${owner}`,
        scope: tenantScope(tenant),
        expiresAt: NOW + 5,
      })
      await putAll(store, [key])
      const filter: ListFilter = {
        tenant,
        tenants: [tenant, 'u'],
        owner,
        pepper,
        state: 'active',
        hint: 'hint',
        name: 'nightly',
        expiresBefore: NOW + 6,
        unusedSince: NOW,
      }
      await expectList(store, filter, [key])
      const others: ListFilter = {
        tenant: 'u',
        tenants: ['u', 'v'],
        owner: null,
        pepper: null,
        state: 'expired',
        hint: 'Hint',
        name: 'nightly-',
        expiresBefore: NOW + 5,
        unusedSince: 1,
      }
      for (const [member, other] of Object.entries(others))
        await expectList(store, { ...filter, [member]: other }, [])
    },
  },
  {
    name: 'lists by the stored record after racing writes',
    async run(open) {
      const stores = [await open(), await open()]
      const id = newId()
      let key = newKey({ scope: tenantScope(`${id}-0`) })
      await putAll(stores[0] as KeyStore, [key])
      for (let round = 1; round <= 10; round++) {
        const writers = Array.from({ length: 6 }, (_, i) => ({
          ...key,
          version: key.version + 1 + i,
          scope: tenantScope(`${id}-${round}-${i}`),
        }))
        const outcomes = await Promise.all(
          writers.map((next, i) => (stores[i % 2] as KeyStore).put(next, key.version, undefined)),
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
    name: 'lists a changed key by its new members, and a deleted key nowhere',
    async run(open) {
      const [one, two] = [await open(), await open()]
      const [before, after] = [newId(), newId()]
      const hinted = (hint: string) => ({ ...newSecret(`sha-256:${'a'.repeat(42)}A`), hint })
      const key = newKey({
        owner: before,
        name: before,
        scope: tenantScope(before),
        primary: hinted('old\u00e9'),
      })
      await expectPut(one, key, undefined, 'stored')
      const moved = changedKey(key, {
        owner: after,
        name: after,
        scope: tenantScope(after),
        primary: hinted('new\u00e9'),
      })
      await expectPut(one, moved, key.version, 'stored')
      const filters = (id: string, hint: string): ListFilter[] => [
        { tenant: id },
        { owner: id },
        { name: id },
        { hint, tenants: [id, 'u'] },
      ]
      for (const filter of filters(before, 'old\u00e9')) await expectList(two, filter, [])
      for (const filter of filters(after, 'new\u00e9')) await expectList(two, filter, [moved])
      await expectDelete(one, key.id, moved.version, 'deleted')
      for (const filter of filters(after, 'new\u00e9')) await expectList(two, filter, [])
    },
  },
]
