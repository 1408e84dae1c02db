// better-auth with its api-key plugin, as its documentation advises for speed: keys in secondary
// storage, deferred updates, no rate limit.
import { apiKey } from '@better-auth/api-key'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { credentialOf, idOf, WORKFLOW } from '../keys.mjs'

/** Checks the same secrets, tenants and workflows, as permissions. */
export async function createBetterAuthCheck(count) {
  const kept = new Map()
  const credentials = []
  const auth = betterAuth({
    baseURL: 'https://api.example',
    secret: 'only for the benchmark, where nothing is signed with it: 4f1c9a7e',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], apikey: [] }),
    secondaryStorage: {
      get: (name) => kept.get(name) ?? null,
      set: (name, value) => void kept.set(name, value),
      delete: (name) => void kept.delete(name),
    },
    advanced: { backgroundTasks: { handler: () => {} } },
    logger: { disabled: true },
    telemetry: { enabled: false },
    plugins: [
      apiKey({
        storage: 'secondary-storage',
        deferUpdates: true,
        rateLimit: { enabled: false },
        customKeyGenerator: () => credentials.at(-1).text,
      }),
    ],
  })
  for (let number = 0; number < count; number++) {
    const id = idOf(number)
    credentials.push(credentialOf(id))
    const permissions = { tenant: [credentials.at(-1).tenant], workflow: [WORKFLOW] }
    // One user for each key, because the storage rewrites a whole list for each user.
    await auth.api.createApiKey({ body: { userId: id, name: `key ${id}`, permissions } })
  }
  return {
    credentials,
    check: async (authorization, tenant, workflow) => {
      if (!authorization?.startsWith('Bearer ')) return undefined
      const permissions = { tenant: [tenant], workflow: [workflow] }
      const { valid, key } = await auth.api.verifyApiKey({
        body: { key: authorization.slice('Bearer '.length), permissions },
      })
      return valid ? key : undefined
    },
  }
}
