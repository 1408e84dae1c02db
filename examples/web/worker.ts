import { createTwinkey, generateSigningKey, tokenEndpoints, type WireRequest } from 'twinkey'
import { mount, requireAuth } from 'twinkey/web'

/** The bindings of the host: variables and secrets. */
interface Env {
  readonly ISSUER?: string
  readonly SIGNING_KEY?: string
}

/** The execution context of a request. `waitUntil` continues work after the answer. */
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
    // Without SIGNING_KEY, tokens become invalid when this isolate ends. Store a key from
    // generateSigningKey() as a secret of the Worker.
    tokens: {
      issuer: ISSUER,
      audience: ISSUER,
      signingKeys: [SIGNING_KEY ? JSON.parse(SIGNING_KEY) : await generateSigningKey()],
    },
  })
  // Without a store, keys are in memory and each isolate has different ones. Use this for a trial
  // only.
  const { key, primary } = await twinkey.keys.create({
    name: 'Billing',
    scope: { tenants: ['t1'], workflows: ['customers.read'] },
  })
  console.log(`Key ${key.id} has the secret ${primary}`)

  // POST /tokens, GET /tokens/test, GET /tokens/jwks.json
  const tokens = mount(tokenEndpoints(twinkey), '/tokens')
  const routes: readonly (readonly [method: string, path: RegExp, handler: Handler])[] = [
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
    return tokens(request, context) ?? handler?.(request, context) ?? notFound()
  }
}

let handler: Promise<Handler> | undefined

// biome-ignore lint/style/noDefaultExport: a Worker must be the default export.
export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    // Not at the top level: Workers create no random values before the first request.
    handler ??= start(env)
    return (await handler)(request, context)
  },
}
