import { from, type OwnerScope, type Principal, rateLimited } from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { createBench } from '../support/bench.ts'
import type { Route } from './routes.ts'
import { emptyAxis, spoil } from './spoil.ts'

/** The form of public examples: 64 bytes in base64url, which may begin with a hyphen. */
export const IMPORTED =
  '-s3Qf0Zt_kW9xYb7Lr2Hn5Vd8Jc1Mg4Pa6Te-uGqSiOoKwXzRyEjBvNhFlDmCpU0I9a7Z5t3Y1r8W6q4X2oQ_e'
/** A key that needs encoding in a query. */
export const IMPORTED_PLUS = 'q83v+Zk/3mB0sT9xLw2yNf7hJcR5uAeD8tVg1oPi4nE='

const profile = flowgear()
const answer = (principal: Principal | undefined, url: string) =>
  principal === undefined ? { anonymous: true, url } : workflowOf({ ...principal, url })

/** What the test application answers with. */
export function workflowOf({
  username = 'Key: main',
  slot = 'primary',
  environment = 'Production',
  url,
}: Partial<Pick<Principal, 'username' | 'slot' | 'environment'>> & { url: string }) {
  return { Username: username, slot, environment, url }
}

const bound = { profile, workflow: from.routeTemplate() }

export const flowgearRoutes: readonly Route[] = [
  { method: 'GET', path: '/customers/:id/', requirement: bound, answer },
  { method: 'POST', path: '/customers/:id/', requirement: bound, answer },
  { method: 'GET', path: '/orders/:id', requirement: bound, answer },
  { method: 'GET', path: '/named', requirement: { profile, workflow: 'orders.read' }, answer },
  { method: 'GET', path: '/unnamed', requirement: { profile }, answer },
  { method: 'GET', path: '/in-test', requirement: { ...bound, environment: 'Test' }, answer },
  { method: 'GET', path: '/optional', requirement: { profile, optional: true }, answer },
  {
    method: 'GET',
    path: '/limited',
    requirement: { profile, tenant: () => rateLimited(30) },
    answer,
  },
]

export type FlowgearFixture = Awaited<ReturnType<typeof createFlowgearFixture>>

const ownerScope: OwnerScope = (owner) => {
  if (owner === 'directory-down') throw new Error('directory down')
  return owner === 'gone' ? undefined : { tenants: '*', environments: '*', workflows: '*' }
}

/** Keys of a site. The deployment serves Production and Test. */
export async function createFlowgearFixture() {
  const bench = createBench({
    prefixes: ['acme'],
    environments: ['Production', 'Test'],
    ownerScope,
    cache: { maxAgeSeconds: 3600 },
    importedSecrets: [{ algorithm: 'sha-256', minLength: 40, maxLength: 90 }],
  })
  const { keys, tokens } = bench.twinkey
  const scope = {
    tenants: '*',
    environments: ['Production'],
    workflows: ['GET /customers/:id/', 'GET /orders/:id', 'orders.read'],
  } as const
  const key = (name: string, more: object = {}, owner: string | null = null) =>
    keys.create({ name, owner, scope: { ...scope, ...more } })
  const main = await key('main')
  const test = await key('test', { environments: ['Test'] })
  const anywhere = await key('anywhere', { environments: '*' })
  const staging = await key('staging', { environments: ['Staging'] })
  const everything = await key('everything', { workflows: '*' })
  const nothing = await key('nothing')
  await emptyAxis(bench.spy, nothing, 'workflows')
  const disabled = await key('disabled')
  const revoked = await key('revoked')
  const deleted = await key('deleted')
  const regenerated = await key('regenerated')
  const gone = await key('gone', {}, 'gone')
  const directoryDown = await key('directory down', {}, 'directory-down')
  const badStore = await key('bad store')
  await keys.import({
    name: 'imported',
    scope,
    primary: { secret: IMPORTED, entropyBits: 512 },
    secondary: { secret: IMPORTED_PLUS, entropyBits: 256 },
  })
  const issued = await tokens.issue(main.primary)
  await keys.renew(regenerated.key.id, { slots: 'secondary' })
  await spoil(bench.twinkey, bench.spy, { disabled, revoked, deleted, badStore })
  return {
    ...bench,
    token: issued.ok ? issued.token : '',
    secrets: {
      primary: main.primary,
      secondary: main.secondary ?? '',
      test: test.primary,
      anywhere: anywhere.primary,
      staging: staging.primary,
      everything: everything.primary,
      nothing: nothing.primary,
      disabled: disabled.primary,
      revoked: revoked.primary,
      deleted: deleted.primary,
      kept: regenerated.primary,
      regenerated: regenerated.secondary ?? '',
      gone: gone.primary,
      directoryDown: directoryDown.primary,
      badStore: badStore.primary,
      imported: IMPORTED,
      importedPlus: IMPORTED_PLUS,
    },
  }
}
