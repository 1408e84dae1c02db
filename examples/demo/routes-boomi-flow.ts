import type { ApiKey, Keys } from 'twinkey'
import { boomiFlow } from 'twinkey/profiles'
import { type Data, tenantOf } from './data.ts'
import { json } from './reply.ts'
import type { Chapter } from './route.ts'

const product = 'Boomi Flow'
const profile = boomiFlow()
const environment = 'Production'

/** The routes that follow the convention of Boomi Flow. */
export function boomiFlowChapter(keys: Keys, data: Data): Chapter {
  return {
    routes: [
      {
        method: 'GET',
        path: '/api/draw/1/flow',
        requirement: { profile, environment, workflow: 'flows.read' },
        reply({ principal }) {
          const flows = data.flows(tenantOf(principal)).map(({ id, name }) => ({
            id: { id, versionId: null, typeElementId: null },
            developerName: name,
            developerSummary: null,
            isActive: true,
          }))
          return json(200, flows)
        },
      },
      {
        method: 'GET',
        path: '/api/admin/1/tenant',
        requirement: { profile, environment, workflow: 'tenant.read' },
        reply({ principal }) {
          return json(200, {
            id: tenantOf(principal),
            developerName: 'Example',
            developerSummary: null,
          })
        },
      },
      {
        method: 'GET',
        path: '/api/admin/1/users/me/keys',
        requirement: { profile, environment, workflow: 'keys.read' },
        reply: async ({ principal }) =>
          json(200, (await keysOf(keys, principal.owner)).map(shownKey)),
      },
    ],
    listed: [
      {
        product,
        method: 'GET',
        path: '/api/draw/1/flow',
        about: 'The flows of your tenant. The header manywhotenant is optional.',
      },
      {
        product,
        method: 'GET',
        path: '/api/admin/1/tenant',
        about: 'Your tenant. The header manywhotenant is optional.',
      },
      {
        product,
        method: 'GET',
        path: '/api/admin/1/users/me/keys',
        about: 'The keys of your user, without their secrets.',
      },
    ],
  }
}

async function keysOf(keys: Keys, owner: string | null): Promise<ApiKey[]> {
  // Without an owner, `list` would answer the keys of all owners.
  if (owner === null) return []
  const found: ApiKey[] = []
  for await (const key of keys.all({ owner })) found.push(key)
  return found
}

// Only digests are stored, so a key cannot be shown again: apiKey is null.
function shownKey({ name, createdAt, scope: { tenants } }: ApiKey) {
  const tenantId = tenants !== '*' && tenants.length === 1 ? tenants[0] : null
  return { name, apiKey: null, createdAt: new Date(createdAt).toISOString(), tenantId }
}
