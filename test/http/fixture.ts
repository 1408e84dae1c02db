import {
  createTwinkey,
  generateSigningKey,
  type KeyStore,
  memoryStore,
  type Twinkey,
  type TwinkeyEvent,
} from 'twinkey'
import { type Clock, createClock } from '../support/clock.ts'
import { type SpyStore, spyStore } from '../support/spy-store.ts'
import { emptyAxis, spoil } from './spoil.ts'

/**
 * The keys and the clock that every row of the tables is about. Tenants are t1, t2; the deployment
 * serves `production`.
 */
export interface Fixture {
  readonly twinkey: Twinkey
  readonly clock: Clock
  readonly spy: SpyStore
  readonly events: TwinkeyEvent[]
  /** Secrets by the special property of their key. */
  readonly secrets: Readonly<Record<SecretName, string>>
  readonly tokens: Readonly<Record<TokenName, string>>
}

export type SecretName =
  | 'primary'
  | 'secondary'
  | 'allTenants'
  | 'twoTenants'
  | 'noTenants'
  | 'noWorkflows'
  | 'readOnly'
  | 'test'
  | 'disabled'
  | 'revoked'
  | 'deleted'
  | 'expiring'
  | 'replaced'
  | 'inGrace'
  | 'ownerless'
  | 'ownedByNobody'
  | 'ownerFails'
  | 'badStore'
export type TokenName =
  | 'primary'
  | 'secondary'
  | 'narrow'
  | 'short'
  | 'ofDisabled'
  | 'ofRevoked'
  | 'ofReplaced'
  | 'otherIssuer'
  | 'otherAudience'
  | 'otherKey'
  | 'ofTest'
  | 'forResource'
  | 'forOtherResource'
  | 'unlistedResource'

/** Further audiences of the Twinkey. */
export const RESOURCE = 'https://api.test/mcp'
export const OTHER_RESOURCE = 'https://api.test/reports'

/** Milliseconds after the start at which the key `expiring` expires. */
export const EXPIRES_AFTER = 7_200_000
/** Milliseconds after the start at which the secret `inGrace` expires. */
export const GRACE = 600_000

/** @param create Creates the Twinkey. Default: that of this copy of the package. */
export async function createFixture(create = createTwinkey): Promise<Fixture> {
  const clock = createClock()
  const spy = spyStore(memoryStore())
  const events: TwinkeyEvent[] = []
  const signingKeys = [await generateSigningKey()]
  const tokens = { issuer: 'https://api.test', audience: 'https://api.test', signingKeys }
  const make = (store: KeyStore, more: Partial<Parameters<typeof createTwinkey>[0]> = {}) =>
    create({
      store,
      prefixes: ['acme', 'acme_old'],
      environments: ['production'],
      tokens,
      resources: [RESOURCE, OTHER_RESOURCE],
      ownerScope,
      now: clock.now,
      cache: { maxAgeSeconds: 3600 },
      onEvent: (event) => events.push(event),
      ...more,
    })
  const twinkey = make(spy.store)
  const { keys } = twinkey
  const key = async (
    name: string,
    scope: Parameters<typeof keys.create>[0]['scope'],
    more: { owner?: string; expiresAt?: number; secondary?: boolean } = {},
  ) => keys.create({ name, scope, ...more })

  const main = await key(
    'main',
    { tenants: ['t1'], workflows: ['customers.read', 'customers.write'] },
    { owner: 'alice' },
  )
  const allTenants = await key('all tenants', { tenants: '*', workflows: '*' })
  const twoTenants = await key('two tenants', { tenants: ['t1', 't2'], workflows: '*' })
  const noTenants = await key('no tenants', { tenants: ['t1'], workflows: '*' })
  await emptyAxis(spy, noTenants, 'tenants')
  const noWorkflows = await key('no workflows', { tenants: ['t1'], workflows: '*' })
  await emptyAxis(spy, noWorkflows, 'workflows')
  const readOnly = await key('read only', { tenants: ['t1'], workflows: ['customers.read'] })
  const test = await key('test', { tenants: ['t1'], environments: ['test'], workflows: '*' })
  const disabled = await key('disabled', { tenants: ['t1'], workflows: '*' })
  const revoked = await key('revoked', { tenants: ['t1'], workflows: '*' })
  const deleted = await key('deleted', { tenants: ['t1'], workflows: '*' })
  const expiring = await key(
    'expiring',
    { tenants: ['t1'], workflows: '*' },
    { expiresAt: clock.now() + EXPIRES_AFTER },
  )
  const replaced = await key('replaced', { tenants: ['t1'], workflows: '*' })
  const single = await key('single', { tenants: ['t1'], workflows: '*' }, { secondary: false })
  const ownerless = await key('ownerless', { tenants: ['t1'], workflows: '*' })
  const ownedByNobody = await key(
    'owned by nobody',
    { tenants: ['t1'], workflows: '*' },
    { owner: 'gone' },
  )
  const ownerFails = await key(
    'owner fails',
    { tenants: ['t1'], workflows: '*' },
    { owner: 'fails' },
  )
  const badStore = await key('bad store', { tenants: ['t1'], workflows: '*' })

  const token = async (secret: string, request = {}) => {
    const issued = await twinkey.tokens.issue(secret, request)
    if (!issued.ok) throw new Error(issued.refusal.code)
    return issued.token
  }
  const other = (more: Partial<typeof tokens>) =>
    make(spy.store, { tokens: { ...tokens, ...more } }).tokens.issue(main.primary)
  const taken = async (issued: ReturnType<typeof other>) => {
    const result = await issued
    if (!result.ok) throw new Error(result.refusal.code)
    return result.token
  }
  const issued = {
    primary: await token(main.primary),
    secondary: await token(main.secondary ?? ''),
    narrow: await token(main.primary, { scope: { workflows: ['customers.read'] } }),
    short: await token(main.primary, { lifetimeSeconds: 60 }),
    ofDisabled: await token(disabled.primary),
    ofRevoked: await token(revoked.primary),
    ofReplaced: await token(replaced.primary),
    ofTest: await token(test.primary),
    forResource: await token(main.primary, { resource: RESOURCE }),
    forOtherResource: await token(main.primary, { resource: OTHER_RESOURCE }),
    unlistedResource: await taken(
      make(spy.store, { resources: ['https://api.test/new'] }).tokens.issue(main.primary, {
        resource: 'https://api.test/new',
      }),
    ),
    otherIssuer: await taken(other({ issuer: 'https://elsewhere.test' })),
    otherAudience: await taken(other({ audience: 'https://elsewhere.test' })),
    otherKey: await taken(other({ signingKeys: [await generateSigningKey()] })),
  }

  await keys.renew(replaced.key.id, { slots: 'primary' })
  await keys.rotate(single.key.id, { graceSeconds: GRACE / 1000 })
  await spoil(twinkey, spy, { disabled, revoked, deleted, badStore })
  return {
    twinkey,
    clock,
    spy,
    events,
    secrets: {
      primary: main.primary,
      secondary: main.secondary ?? '',
      allTenants: allTenants.primary,
      twoTenants: twoTenants.primary,
      noTenants: noTenants.primary,
      noWorkflows: noWorkflows.primary,
      readOnly: readOnly.primary,
      test: test.primary,
      disabled: disabled.primary,
      revoked: revoked.primary,
      deleted: deleted.primary,
      expiring: expiring.primary,
      replaced: replaced.primary,
      inGrace: single.primary,
      ownerless: ownerless.primary,
      ownedByNobody: ownedByNobody.primary,
      ownerFails: ownerFails.primary,
      badStore: badStore.primary,
    },
    tokens: issued,
  }
}

function ownerScope(owner: string) {
  if (owner === 'fails') throw new Error('directory down')
  return owner === 'gone'
    ? undefined
    : ({ tenants: '*', environments: '*', workflows: '*' } as const)
}
