import { from, type OwnerScope, type Principal, rateLimited } from 'twinkey'
import { boomiFlow } from 'twinkey/profiles'
import { createBench } from '../support/bench.ts'
import type { Route } from './routes.ts'
import { spoil } from './spoil.ts'

/** The tenant id of the vendor's own example, which is no UUID. */
export const SEED_TENANT = 'b70ef1d6-edc9-4481-94b9-d81g126e32d1'
export const OTHER_TENANT = '0d3c2f5e-8a4b-4c6d-9e7f-1a2b3c4d5e6f'
/** Standard base64, as the vendor's keys are: 32 characters. */
export const IMPORTED = '+Zk/3mB0sT9xLw2yNf7hJcR5uAeDq8v/'
export const IMPORTED_PADDED = '/Zk+3mB0sT9xLw2yNf7hJcR5uAeDq8w='
/** Milliseconds after the start at which the key `expiring` expires. */
export const EXPIRES_AFTER = 60_000

const profile = boomiFlow()
const flows = (principal: Principal | undefined) => [
  principal === undefined ? 'anonymous' : flowOf(principal),
]

/** The one flow that the test application answers with. */
export function flowOf({
  name,
  slot,
  tenant = null,
}: Pick<Principal, 'name' | 'slot'> & { tenant?: string | null | undefined }) {
  return { id: { id: 'f1' }, developerName: name, slot, tenant }
}

export const boomiFlowRoutes: readonly Route[] = [
  { method: 'GET', path: '/api/draw/1/flow', requirement: { profile }, answer: flows },
  { method: 'POST', path: '/api/draw/1/flow', requirement: { profile }, answer: flows },
  {
    method: 'GET',
    path: '/api/tenants/:tenant/flow',
    requirement: { profile, tenant: from.param('tenant') },
    answer: flows,
  },
  {
    method: 'GET',
    path: '/api/run',
    requirement: { profile, workflow: 'flows.run' },
    answer: flows,
  },
  {
    method: 'GET',
    path: '/api/admin/1/users/me',
    requirement: { profile, anyTarget: true },
    answer: flows,
  },
  { method: 'GET', path: '/api/optional', requirement: { profile, optional: true }, answer: flows },
  {
    method: 'GET',
    path: '/api/limited',
    requirement: { profile, tenant: () => rateLimited(30) },
    answer: flows,
  },
]

export type BoomiFlowFixture = Awaited<ReturnType<typeof createBoomiFlowFixture>>

const ownerScope: OwnerScope = (owner) => {
  if (owner === 'directory-down') throw new Error('directory down')
  if (owner === 'gone') return undefined
  return { tenants: owner === 'moved' ? [OTHER_TENANT] : '*', environments: '*', workflows: '*' }
}

/**
 * Keys of the user `ada` and of others. The tenants are the one of the vendor's example, and
 * another.
 */
export async function createBoomiFlowFixture() {
  const bench = createBench({
    prefixes: ['acme'],
    environments: ['production'],
    ownerScope,
    cache: { maxAgeSeconds: 3600 },
    importedSecrets: [{ algorithm: 'sha-256', minLength: 32, maxLength: 40 }],
  })
  const { keys, tokens } = bench.twinkey
  const scope = { tenants: [SEED_TENANT], workflows: '*' } as const
  const key = (name: string, more: Partial<Parameters<typeof keys.create>[0]> = {}) =>
    keys.create({ name, owner: 'ada', scope, ...more })

  const main = await key('API Key')
  const twoTenants = await key('two tenants', {
    scope: { tenants: [SEED_TENANT, OTHER_TENANT], workflows: '*' },
  })
  const allTenants = await key('all tenants', { scope: { tenants: '*', workflows: '*' } })
  const narrow = await key('narrow', { scope: { ...scope, workflows: ['flows.read'] } })
  const expiring = await key('expiring', { expiresAt: bench.clock.now() + EXPIRES_AFTER })
  const disabled = await key('disabled')
  const revoked = await key('revoked')
  const deleted = await key('deleted')
  const replaced = await key('replaced')
  const moved = await key('moved', { owner: 'moved' })
  const gone = await key('gone', { owner: 'gone' })
  const directoryDown = await key('directory down', { owner: 'directory-down' })
  const badStore = await key('bad store')
  await keys.import({
    name: 'imported',
    owner: 'ada',
    scope,
    primary: { secret: IMPORTED, entropyBits: 192 },
    secondary: { secret: IMPORTED_PADDED, entropyBits: 184 },
  })
  const issued = await tokens.issue(main.primary)

  await keys.renew(replaced.key.id, { slots: 'primary' })
  await spoil(bench.twinkey, bench.spy, { disabled, revoked, deleted, badStore })
  return {
    ...bench,
    token: issued.ok ? issued.token : '',
    secrets: {
      primary: main.primary,
      secondary: main.secondary ?? '',
      twoTenants: twoTenants.primary,
      allTenants: allTenants.primary,
      narrow: narrow.primary,
      expiring: expiring.primary,
      disabled: disabled.primary,
      revoked: revoked.primary,
      deleted: deleted.primary,
      replaced: replaced.primary,
      moved: moved.primary,
      gone: gone.primary,
      directoryDown: directoryDown.primary,
      badStore: badStore.primary,
      imported: IMPORTED,
      importedPadded: IMPORTED_PADDED,
    },
  }
}
