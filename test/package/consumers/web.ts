import { createTwinkey, tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/web'
import { tryOut } from './try-out.js'

async function main(): Promise<void> {
  const twinkey = createTwinkey<{ plan: string }>({ environments: ['production'] })
  const tokens = mount(tokenEndpoints(twinkey), '/tokens')
  const read = requireAuth(
    twinkey,
    { workflow: 'customers.read', tenant: from.header('x-tenant', { optional: true }) },
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
    const answer = tokens(request)
    if (answer !== undefined) return answer
    if (path.startsWith('/tenants/')) return ofTenant(request, { waitUntil: () => {} })
    return request.method === 'DELETE' ? remove(request) : read(request)
  })
}

void main()
