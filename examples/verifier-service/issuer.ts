// The issuing service: it has the keys and exchanges their secrets for tokens.
import { createClient } from '@libsql/client'
import { fastify } from 'fastify'
import type { JWK } from 'jose'
import { createTwinkey, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/fastify'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { AUDIENCE, ENVIRONMENTS, ISSUER } from './settings.ts'

/** One process of the issuer. It reads its signing keys once, so a change needs a new process. */
export async function startIssuer(
  database: string,
  signingKeys: readonly JWK[],
  now: () => number,
) {
  const client = createClient({ url: `file:${database}` })
  const store = sqliteStore(client)
  await store.migrate()
  const twinkey = createTwinkey({
    store,
    prefixes: ['acme'],
    environments: ENVIRONMENTS,
    tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys },
    now,
  })

  const app = fastify()
  app.register(mount(tokenEndpoints(twinkey)), { prefix: '/tokens' })
  app.get(
    '/whoami',
    { onRequest: requireAuth(twinkey, { anyTarget: true }) },
    async ({ principal: { name, via } }) => ({ name, via }),
  )
  app.addHook('onClose', async () => {
    await twinkey.close()
    client.close()
  })
  await app.ready()
  return { app, keys: twinkey.keys }
}

export type Issuer = Awaited<ReturnType<typeof startIssuer>>
