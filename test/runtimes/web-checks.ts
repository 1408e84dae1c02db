import { createTwinkey, type Twinkey } from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { requireAuth } from 'twinkey/web'
import { createFixture } from '../http/fixture.ts'
import { createBench } from '../support/bench.ts'
import { tokenHandler } from '../support/token-handler.ts'
import { type Check, holds, same, thrownBy } from './check.ts'

const scope = { tenants: ['t1'], workflows: ['a', 'b'] }
/** A body that a request may have. */
type Body = NonNullable<RequestInit['body']>

const URL_OF_TOKENS = 'http://localhost/tokens'

async function service() {
  const bench = createBench({ environments: ['production'] })
  const { primary } = await bench.twinkey.keys.create({ name: 'one', scope })
  const handle = tokenHandler(bench.twinkey, undefined, '/tokens')
  const exchange = async (body: Body | null, more: Record<string, string> = {}) => {
    // Fetch accepts a stream as a body only with `duplex`.
    const half = body instanceof ReadableStream ? { duplex: 'half' as const } : {}
    const headers = { authorization: `Bearer ${primary}`, ...more }
    const response = await handle(
      new Request(URL_OF_TOKENS, { method: 'POST', headers, body, ...half }),
    )
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { ...bench, primary, exchange, handle }
}

const NARROWED = {
  token_type: 'Bearer',
  expires_in: 60,
  scope: 'tenant:t1 environment:production workflow:a',
}
const WHOLE = {
  token_type: 'Bearer',
  expires_in: 3600,
  scope: 'tenant:t1 environment:production workflow:a workflow:b',
}

function streamOf(...texts: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const text of texts) controller.enqueue(new TextEncoder().encode(text))
      controller.close()
    },
  })
}

const JSON_BODY = '{"scope":"workflow:a","expires_in":60}'
const FORM_BODY = 'grant_type=client_credentials&scope=workflow%3Aa&expires_in=60'

const narrower: Readonly<Record<string, () => readonly [Body, Record<string, string>?]>> = {
  'as JSON': () => [JSON_BODY, { 'content-type': 'application/json' }],
  'as JSON under a form': () => [
    JSON_BODY,
    { 'content-type': 'application/x-www-form-urlencoded' },
  ],
  'as JSON in bytes without a type': () => [new TextEncoder().encode(JSON_BODY)],
  'as a form': () => [FORM_BODY, { 'content-type': 'application/x-www-form-urlencoded' }],
  'as URLSearchParams': () => [new URLSearchParams(FORM_BODY)],
  'as a Blob': () => [new Blob([JSON_BODY])],
  'as a stream of several parts': () => [streamOf(JSON_BODY.slice(0, 7), '', JSON_BODY.slice(7))],
}

const unreadable: Readonly<Record<string, () => Body>> = {
  'half an object': () => '{"scope":',
  'a list': () => '["scope"]',
  'bytes that are no UTF-8': () => Uint8Array.of(0x7b, 0x80, 0xff),
  'more than 64 KiB': () => `{"scope":"${'x'.repeat(70_000)}"}`,
  'a stream that goes on beyond 64 KiB': () =>
    streamOf(...Array.from({ length: 100 }, () => 'x'.repeat(1000))),
  'a stream that breaks off': () =>
    new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) }),
}

const exchangeChecks: readonly Check[] = [
  {
    name: 'exchange: a missing body narrows nothing',
    async run() {
      const { exchange } = await service()
      for (const body of [null, '']) {
        const answer = await exchange(body)
        const { access_token, ...rest } = answer.body
        same([answer.status, typeof access_token, rest], [200, 'string', WHOLE])
      }
    },
  },
  ...Object.entries(narrower).map(
    ([form, make]): Check => ({
      name: `exchange: a narrower token, asked for ${form}`,
      async run() {
        const { exchange } = await service()
        const { status, body } = await exchange(...make())
        const { access_token: _token, ...rest } = body
        // A form has a scope of OAuth, which is answered as it was asked for.
        const scope =
          form === 'as a form' || form === 'as URLSearchParams' ? 'workflow:a' : NARROWED.scope
        same([status, rest], [200, { ...NARROWED, scope }])
      },
    }),
  ),
  ...Object.entries(unreadable).map(
    ([what, make]): Check => ({
      name: `exchange: ${what} is refused`,
      async run() {
        const { status, body } = await (await service()).exchange(make())
        same([status, body['code']], [400, 'request_malformed'])
      },
    }),
  ),
  {
    name: 'exchange: a body that was already read is refused',
    async run() {
      const { primary, handle } = await service()
      const headers = { authorization: `Bearer ${primary}` }
      const request = new Request(URL_OF_TOKENS, { method: 'POST', headers, body: JSON_BODY })
      await request.text()
      same((await handle(request)).status, 400)
    },
  },
  {
    name: 'exchange: a 405 names the allowed method',
    async run() {
      const response = await (await service()).handle(new Request(URL_OF_TOKENS))
      same([response.status, response.headers.get('allow')], [405, 'POST'])
    },
  },
  {
    name: 'the test endpoint identifies the credential',
    async run() {
      const { handle, primary } = await service()
      const response = await handle(
        new Request(`${URL_OF_TOKENS}/test`, { headers: { 'x-api-key': primary } }),
      )
      const { name, slot, via, tenants } = (await response.json()) as Record<string, unknown>
      same(
        { name, slot, via, tenants },
        { name: 'one', slot: 'primary', via: 'secret', tenants: ['t1'] },
      )
      same((await handle(new Request(`${URL_OF_TOKENS}/test`))).status, 401)
    },
  },
  {
    name: 'the published keys may be cached, and contain nothing private',
    async run() {
      const { handle } = await service()
      const response = await handle(new Request(`${URL_OF_TOKENS}/jwks.json`))
      same([response.status, response.headers.get('cache-control')], [200, 'public, max-age=300'])
      const { keys } = (await response.json()) as { keys: object[] }
      same(
        keys.map((key) => Object.keys(key).sort().join(' ')),
        ['alg crv kid kty use x y'],
      )
    },
  },
]

async function guarded(
  handler: (request: Request) => Response,
  requirement: Parameters<typeof requireAuth>[1] = { workflow: 'a' },
) {
  const { twinkey, primary } = await service()
  const guard = requireAuth(twinkey as Twinkey, requirement, handler)
  return {
    primary,
    twinkey,
    guard,
    ask: (headers: Record<string, string>) => guard(new Request('http://localhost/', { headers })),
  }
}

const guardChecks: readonly Check[] = [
  {
    name: 'guard: a refusal is a problem with a challenge',
    async run() {
      const { ask } = await guarded(() => new Response('never'))
      const response = await ask({})
      same(
        [response.status, response.headers.get('content-type')],
        [401, 'application/problem+json'],
      )
      same(response.headers.get('www-authenticate'), 'Bearer realm="api"')
      same(((await response.json()) as { code: string }).code, 'credential_missing')
    },
  },
  {
    name: 'guard: an answer whose headers cannot be changed is kept out of shared caches',
    async run() {
      const { ask, primary } = await guarded(() =>
        Response.redirect('http://localhost/elsewhere', 302),
      )
      const response = await ask({ 'x-api-key': primary })
      same([response.status, response.headers.get('location')], [302, 'http://localhost/elsewhere'])
      same(response.headers.get('cache-control'), 'no-store')
    },
  },
  {
    name: 'guard: an answer without a body passes',
    async run() {
      const { ask, primary } = await guarded(() => new Response(null, { status: 204 }))
      same((await ask({ 'x-api-key': primary })).status, 204)
    },
  },
  {
    name: 'guard: a streamed answer passes',
    async run() {
      const { ask, primary } = await guarded(() => new Response(streamOf('one ', 'two')))
      same(await (await ask({ 'x-api-key': primary })).text(), 'one two')
    },
  },
  {
    name: 'guard: a handler reads the body of its request',
    async run() {
      const { twinkey, primary } = await service()
      const guard = requireAuth(twinkey, { workflow: 'a' }, async (request, { name }) =>
        Response.json([name, await request.json()]),
      )
      const headers = { authorization: `Bearer ${primary}` }
      const response = await guard(
        new Request('http://localhost/', { method: 'POST', headers, body: '{"a":1}' }),
      )
      same(await response.json(), ['one', { a: 1 }])
    },
  },
  {
    name: 'guard: a key in the query is hidden from the handler, with the body left in place',
    async run() {
      const twinkey = createTwinkey()
      const { primary } = await twinkey.keys.create({
        name: 'one',
        scope: { tenants: '*', workflows: '*' },
      })
      const guard = requireAuth(twinkey, { profile: flowgear() }, async (request) =>
        Response.json([request.url, await request.text()]),
      )
      const url = `http://localhost/x?a=1&auth-key=${primary}&b=2`
      const response = await guard(new Request(url, { method: 'POST', body: 'body' }))
      same(await response.json(), ['http://localhost/x?a=1&b=2', 'body'])
    },
  },
  {
    name: 'guard: work after the answer is handed to the host',
    async run() {
      const { twinkey, primary } = await service()
      const handed: Promise<unknown>[] = []
      const guard = requireAuth(
        twinkey,
        { workflow: 'a' },
        (_request, _principal, environment: object, _context: object) => Response.json(environment),
      )
      const context = { waitUntil: (work: Promise<unknown>) => void handed.push(work) }
      const request = new Request('http://localhost/', {
        headers: { authorization: `Bearer ${primary}` },
      })
      same(await (await guard(request, { bound: 1 }, context)).json(), { bound: 1 })
      same(handed.length, 1)
      await Promise.all(handed)
      same(twinkey.flush(), undefined)
    },
  },
  {
    name: 'guard: a wrong requirement is rejected when the route is created',
    run() {
      const wrong = { workflows: 'a' } as object
      same(
        thrownBy(() => requireAuth(createTwinkey(), wrong, () => new Response())),
        'TypeError',
      )
    },
  },
  {
    name: 'guard: a hundred requests at once each get the right decision',
    async run() {
      const { secrets, twinkey } = await createFixture()
      const guard = requireAuth(twinkey, { workflow: 'customers.read' }, () => new Response())
      const names = ['primary', 'secondary', 'disabled', 'readOnly', 'noWorkflows'] as const
      const asked = Array.from({ length: 100 }, async (_, i) => {
        const name = names[i % names.length] as (typeof names)[number]
        const { status } = await guard(
          new Request('http://localhost/', {
            headers: { authorization: `Bearer ${secrets[name]}` },
          }),
        )
        return `${name} ${status}`
      })
      const seen = [...new Set(await Promise.all(asked))].sort()
      same(seen, [
        'disabled 401',
        'noWorkflows 403',
        'primary 200',
        'readOnly 200',
        'secondary 200',
      ])
      holds(
        twinkey.flush() === undefined || twinkey.flush() instanceof Promise,
        'pending is neither',
      )
    },
  },
]

/** The web adapter: the token endpoints, and the effect of a guard on requests and responses. */
export const webChecks: readonly Check[] = [...exchangeChecks, ...guardChecks]
