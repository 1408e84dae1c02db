import { createTwinkey, from, type Requirement, type Twinkey, type TwinkeyEvent } from 'twinkey'
import type { GatewayProxy } from 'twinkey/gateway'
import { flowgear } from 'twinkey/profiles'

/** The routes of a service in another language. */
export const ROUTES: Readonly<Record<string, Requirement>> = {
  'GET /': { optional: true, anyTarget: true },
  'GET /customers': { tenant: from.query('tenant'), workflow: 'customers.read' },
  'GET /customers/': { tenant: from.header('x-tenant'), workflow: 'customers.read' },
  'GET /customers/export': { tenant: 't1', workflow: 'customers.export' },
  'GET /customers/:id': { tenant: from.query('tenant'), workflow: from.routeTemplate() },
  'PUT /customers/:id': { tenant: from.query('tenant'), workflow: 'customers.write' },
  'GET /tenants/:tenant': { tenant: from.param('tenant'), workflow: 'customers.read' },
  'GET /tenants/:tenant/customers/:id': {
    tenant: from.param('tenant'),
    workflow: 'customers.read',
  },
  'GET /flows/:id': { profile: flowgear(), workflow: 'flows.read', tenant: 't1' },
  'GET /secret-only': { accept: ['secret'], anyTarget: true },
}

/** The pair of headers of a proxy. */
export const PAIRS: Readonly<Record<GatewayProxy, readonly [string, string]>> = {
  nginx: ['X-Original-Method', 'X-Original-URI'],
  forwarded: ['X-Forwarded-Method', 'X-Forwarded-Uri'],
}

/** A Twinkey with keys for the tests, by name. */
export interface Scene {
  readonly twinkey: Twinkey
  readonly events: TwinkeyEvent[]
  /** May do everything in t1 and t2. */
  readonly good: string
  /** May read customers of t1, and has an owner and a name that need escaping. */
  readonly narrow: string
  readonly narrowId: string
  /** Has an owner whose scope cannot be looked up. */
  readonly ownerless: string
}

export const NARROW = { name: 'Bölling, 100 % & Söhne', owner: 'ada/läng' }

export async function createScene(): Promise<Scene> {
  const events: TwinkeyEvent[] = []
  const twinkey = createTwinkey({
    environments: ['Production'],
    onEvent: (event) => events.push(event),
    ownerScope: async (owner) => {
      if (owner === 'unknown') throw new Error('the directory is down')
      return { tenants: '*', environments: '*', workflows: '*' }
    },
  })
  const { keys } = twinkey
  const { primary: good } = await keys.create({
    name: 'Good',
    scope: { tenants: ['t1', 't2'], workflows: '*' },
  })
  const narrow = await keys.create({
    ...NARROW,
    scope: { tenants: ['t1'], workflows: ['customers.read'] },
  })
  const ownerless = await keys.create({
    name: 'Ownerless',
    owner: 'unknown',
    scope: { tenants: ['t1'], workflows: '*' },
  })
  return {
    twinkey,
    events,
    good,
    narrow: narrow.primary,
    narrowId: narrow.key.id,
    ownerless: ownerless.primary,
  }
}
