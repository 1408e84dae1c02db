import {
  from,
  type OwnerScope,
  type Principal,
  rateLimited,
  type Scope,
  type Twinkey,
} from 'twinkey'
import { type FlareAccount, flare } from 'twinkey/profiles'
import { createBench } from '../support/bench.ts'
import type { Route } from './routes.ts'
import { spoil } from './spoil.ts'

/** Keys as the vendor writes them, and as it used to. */
export const IMPORTED = 'fw_2Qm8LxT0vR5yHs7JkWcZ9bNdUaEi3PgF'
export const IMPORTED_OLD = 'fw-7Tn1KyS4wQ6xGr8HjVbX0cMeYaDi5OfE'

/** The accounts and their scopes, which a test can change. Tenants are the numbers 1001 to 1003. */
export function createDirectory() {
  const accounts = new Map<string, FlareAccount>([
    [
      'ada',
      {
        userId: 7,
        userEmail: 'ada@example.com',
        organizationId: 3,
        tenantId: 1001,
        apiKeyId: 42,
        scopes: ['authenticated', 'apikey'],
      },
    ],
    ['bob', { userId: 8, userEmail: 'bob@example.com', organizationId: 3, tenantId: 1003 }],
  ])
  const reach = (tenants: Scope['tenants']): Scope => ({
    tenants,
    environments: '*',
    workflows: '*',
  })
  const scopes = new Map<string, Scope>([
    ['ada', reach(['1001', '1002'])],
    ['bob', reach(['1001'])],
    ['closed', reach('*')],
    ['unreadable', reach('*')],
  ])
  const ownerScope: OwnerScope = (owner) => {
    if (owner === 'directory-down') throw new Error('directory down')
    return scopes.get(owner)
  }
  const account = async ({ owner }: Principal): Promise<FlareAccount | undefined> => {
    if (owner === 'unreadable') throw new Error('accounts cannot be read')
    return accounts.get(owner ?? '')
  }
  return { accounts, scopes, reach, ownerScope, profile: flare({ account }) }
}

const answer = (principal: Principal | undefined) => eventsOf(principal as Principal)

/** What the test application answers with. */
export function eventsOf({
  name,
  tenant = null,
  via,
}: Pick<Principal, 'name' | 'via'> & { tenant?: string | null | undefined }) {
  return { items: [], name, tenant, via }
}

export function flareRoutes(profile: ReturnType<typeof flare>): readonly Route[] {
  return [
    { method: 'GET', path: '/firework/v4/events', requirement: { profile }, answer },
    { method: 'POST', path: '/firework/v4/events', requirement: { profile }, answer },
    {
      method: 'GET',
      path: '/tenants/:tenant/events',
      requirement: { profile, tenant: from.param('tenant') },
      answer,
    },
    {
      method: 'GET',
      path: '/limited',
      requirement: { profile, tenant: () => rateLimited(10) },
      answer,
    },
  ]
}

/** A token, if one is issued. */
export async function tokenOf(twinkey: Twinkey, secret: string, tenant = '1001'): Promise<string> {
  const issued = await twinkey.tokens.issue(secret, { scope: { tenants: [tenant] } })
  if (!issued.ok) throw new Error(issued.refusal.code)
  return issued.token
}

export type FlareFixture = Awaited<ReturnType<typeof createFlareFixture>>

export async function createFlareFixture() {
  const directory = createDirectory()
  const bench = createBench({
    prefixes: ['acme'],
    environments: ['production'],
    ownerScope: directory.ownerScope,
    cache: { maxAgeSeconds: 3600 },
    importedSecrets: [{ algorithm: 'sha-256', minLength: 32, maxLength: 40 }],
  })
  const { twinkey } = bench
  const { keys } = twinkey
  const key = (name: string, owner: string, tenants: Scope['tenants'] = '*') =>
    keys.create({ name, owner, scope: { tenants, workflows: '*' } })
  const main = await key('main', 'ada')
  const oneTenant = await key('one tenant', 'ada', ['1002'])
  const elsewhere = await key('elsewhere', 'bob')
  const closed = await key('closed', 'closed')
  const unreadable = await key('unreadable', 'unreadable')
  const gone = await key('gone', 'gone')
  const directoryDown = await key('directory down', 'directory-down')
  const disabled = await key('disabled', 'ada')
  const revoked = await key('revoked', 'ada')
  const deleted = await key('deleted', 'ada')
  const replaced = await key('replaced', 'ada')
  const badStore = await key('bad store', 'ada')
  await keys.import({
    name: 'imported',
    owner: 'ada',
    scope: { tenants: '*', workflows: '*' },
    primary: { secret: IMPORTED, entropyBits: 190 },
    secondary: { secret: IMPORTED_OLD, entropyBits: 190 },
  })
  const tokens = {
    main: await tokenOf(twinkey, main.primary),
    other: await tokenOf(twinkey, main.primary, '1002'),
    imported: await tokenOf(twinkey, IMPORTED),
    numberless: await tokenOf(twinkey, elsewhere.primary),
    closed: await tokenOf(twinkey, closed.primary),
    unreadable: await tokenOf(twinkey, unreadable.primary),
    disabled: await tokenOf(twinkey, disabled.primary),
    deleted: await tokenOf(twinkey, deleted.primary),
    replaced: await tokenOf(twinkey, replaced.primary),
  }
  await keys.renew(replaced.key.id, { slots: 'primary' })
  await spoil(twinkey, bench.spy, { disabled, revoked, deleted, badStore })
  return {
    ...bench,
    ...directory,
    tokens,
    secrets: {
      primary: main.primary,
      secondary: main.secondary ?? '',
      oneTenant: oneTenant.primary,
      elsewhere: elsewhere.primary,
      closed: closed.primary,
      unreadable: unreadable.primary,
      gone: gone.primary,
      directoryDown: directoryDown.primary,
      disabled: disabled.primary,
      revoked: revoked.primary,
      deleted: deleted.primary,
      replaced: replaced.primary,
      badStore: badStore.primary,
      imported: IMPORTED,
      importedOld: IMPORTED_OLD,
    },
  }
}
