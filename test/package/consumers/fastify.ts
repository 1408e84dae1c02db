import { fastify } from 'fastify'
import { pino } from 'pino'
import { createTwinkey, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/fastify'
import { tryOut } from './try-out.js'

async function main(): Promise<void> {
  const twinkey = createTwinkey<{ plan: string }>({ environments: ['production'] })
  const app = fastify({ loggerInstance: pino({ level: 'silent' }) })
  app.register(mount(tokenEndpoints(twinkey)), { prefix: '/tokens' })
  const read = requireAuth(twinkey, { workflow: 'customers.read' })
  app.get<{ Params: { id: string } }>(
    '/customers/:id',
    { onRequest: read },
    async ({ params, principal }) => {
      const {
        tenant,
        slot,
        via,
      }: {
        tenant: string | undefined
        slot: 'primary' | 'secondary' | undefined
        via: 'secret' | 'token'
      } = principal
      return { id: params.id, tenant, slot, via }
    },
  )
  const ofTenant = requireAuth(twinkey, {
    tenant: from.param('tenant'),
    workflow: 'customers.read',
  })
  app.get('/tenants/:tenant', { onRequest: [ofTenant] }, async ({ principal }) => ({
    tenant: principal.tenant,
  }))
  const remove = requireAuth(twinkey, { workflow: 'customers.delete' })
  app.delete('/customers/:id', { onRequest: remove }, async (_request, reply) =>
    reply.code(204).send(),
  )
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  await tryOut(twinkey, (path, init) => fetch(url + path, init))
  await app.close()
  const secure = fastify({ http2: true })
  secure.get('/customers/:id', { onRequest: read }, async ({ principal }) => principal.name)
  secure.addHook('onRequest', read)
  secure.register(mount(tokenEndpoints(twinkey)), { prefix: '/tokens' })
  await secure.close()
}

void main()
