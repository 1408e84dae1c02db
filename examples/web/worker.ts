import { createTwinkey, generateSigningKey, type WireRequest } from 'twinkey'
import { requireAuth, webEndpoints } from 'twinkey/web'

/** What the host binds: variables and secrets. */
interface Env {
  readonly ISSUER?: string
  readonly SIGNING_KEY?: string
}

/** What the host gives with each request, to let work go on after the answer. */
interface Context {
  waitUntil(work: Promise<unknown>): void
}

type Handler = (request: Request, context: Context) => Response | Promise<Response>

const customers = new Map([['c1', { id: 'c1', tenant: 't1', name: 'Ada Lovelace' }]])
const notFound = () => new Response('Not Found', { status: 404 })
const lastSegment = (url: string) => new URL(url).pathname.split('/').at(-1) ?? ''
const tenantInPath = ({ url }: WireRequest) => new URL(url).pathname.split('/')[2]

async function start({ ISSUER = 'http://localhost', SIGNING_KEY }: Env): Promise<Handler> {
  const twinkey = createTwinkey({
    prefixes: ['acme'],
    environments: ['production'],
    // Without a key of your own, tokens end with this isolate: keep what generateSigningKey() makes
    // as a secret of the Worker.
    tokens: {
      issuer: ISSUER,
      audience: ISSUER,
      signingKeys: [SIGNING_KEY ? JSON.parse(SIGNING_KEY) : await generateSigningKey()],
    },
  })
  // No store was given, so keys are kept in memory: each isolate has keys of its own, which serves
  // for trying it out only.
  const { key, primary } = await twinkey.keys.create({
    name: 'Billing',
    scope: { tenants: ['t1'], workflows: ['customers.read'] },
  })
  console.log(`Key ${key.id} has the secret ${primary}`)

  const tokens = webEndpoints(twinkey)
  const routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
    ['POST', /^\/tokens$/, tokens.exchange],
    ['GET', /^\/tokens\/test$/, tokens.test],
    ['GET', /^\/tokens\/jwks\.json$/, tokens.jwks],
    [
      'GET',
      /^\/customers\/[^/]+$/,
      requireAuth(twinkey, { workflow: 'customers.read' }, ({ url }, { tenant }) => {
        const customer = customers.get(lastSegment(url))
        return customer === undefined || customer.tenant !== tenant
          ? notFound()
          : Response.json(customer)
      }),
    ],
    [
      'DELETE',
      /^\/customers\/[^/]+$/,
      requireAuth(twinkey, { workflow: 'customers.delete' }, ({ url }, { tenant }) => {
        if (customers.get(lastSegment(url))?.tenant === tenant) customers.delete(lastSegment(url))
        return new Response(null, { status: 204 })
      }),
    ],
    [
      'GET',
      /^\/tenants\/[^/]+\/customers$/,
      requireAuth(
        twinkey,
        { tenant: tenantInPath, workflow: 'customers.read' },
        (_request, { tenant }) =>
          Response.json([...customers.values()].filter((each) => each.tenant === tenant)),
      ),
    ],
  ]
  return (request, context) => {
    const { pathname } = new URL(request.url)
    const [, , handler] =
      routes.find(([method, path]) => method === request.method && path.test(pathname)) ?? []
    return handler === undefined ? notFound() : handler(request, context)
  }
}

let handler: Promise<Handler> | undefined

// biome-ignore lint/style/noDefaultExport: a Worker is what its module exports as default.
export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    // Only now: Workers make no random values before the first request.
    handler ??= start(env)
    return (await handler)(request, context)
  },
}
