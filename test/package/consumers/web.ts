import { createTwinkey } from 'twinkey'
import { header, requireAuth, webEndpoints } from 'twinkey/web'
import { tryOut } from './try-out.js'

async function main(): Promise<void> {
  const twinkey = createTwinkey<{ plan: string }>({ environments: ['production'] })
  const { exchange } = webEndpoints(twinkey)
  const read = requireAuth(
    twinkey,
    { workflow: 'customers.read', tenant: header('x-tenant', { optional: true }) },
    async (request, principal) => {
      const { tenant, slot, via, metadata } = principal
      metadata.plan satisfies string
      return Response.json({ id: request.url.split('/').at(-1), tenant, slot, via })
    },
  )
  const remove = requireAuth(
    twinkey,
    { workflow: 'customers.delete' },
    () => new Response(null, { status: 204 }),
  )
  const ofTenant = requireAuth(
    twinkey,
    { tenant: ({ url }) => url.split('/').at(-1), workflow: 'customers.read' },
    (_request, { tenant }, context: { readonly waitUntil: (work: Promise<unknown>) => void }) => {
      context.waitUntil(Promise.resolve())
      return Response.json({ tenant })
    },
  )
  await tryOut(twinkey, (path, init) => {
    const request = new Request(`http://localhost${path}`, init)
    if (path === '/tokens') return exchange(request)
    if (path.startsWith('/tenants/')) return ofTenant(request, { waitUntil: () => {} })
    return request.method === 'DELETE' ? remove(request) : read(request)
  })
}

void main()
