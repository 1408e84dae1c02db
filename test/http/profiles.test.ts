import type { Profile } from 'twinkey'
import { boomiFlow, flare, flowgear, securitySchemes, standard } from 'twinkey/profiles'
import { requireAuth, webEndpoints } from 'twinkey/web'
import { describe, expect, it } from 'vitest'
import { REFUSALS } from '../../src/core/model/refusal.ts'
import { createEndpoints } from '../../src/endpoints/tokens/endpoints.ts'
import { createBench } from '../support/bench.ts'

const flareOf = () => flare({ account: () => undefined })

const HEADER_KEY = { type: 'apiKey', in: 'header', description: 'An API key.' }
const profiles: readonly [string, Profile, object][] = [
  [
    'standard',
    standard(),
    {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: 'An API key, or a token that it was exchanged for.',
      },
      apiKey: { ...HEADER_KEY, name: 'X-API-Key' },
    },
  ],
  ['boomi-flow', boomiFlow(), { apiKey: { ...HEADER_KEY, name: 'x-boomi-flow-api-key' } }],
  [
    'flare',
    flareOf(),
    {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'A token of POST /tokens/generate.',
      },
    },
  ],
  [
    'flowgear',
    flowgear(),
    {
      authorization: {
        type: 'apiKey',
        in: 'header',
        name: 'Authorization',
        description: 'Key=, followed by an API key.',
      },
      query: {
        type: 'apiKey',
        in: 'query',
        name: 'auth-key',
        description: 'An API key. Not recommended: URLs are logged.',
      },
    },
  ],
]

describe.each(profiles)('the profile %s', (name, profile, schemes) => {
  it('has its name', () => {
    expect(profile.name).toBe(name)
  })

  it('describes its credential to an OpenAPI document', () => {
    expect(securitySchemes(profile)).toEqual(schemes)
  })
})

it.each([[undefined], [null], [{}], [{ account: 1 }]])(
  'Flare requires an account at construction: %j is rejected',
  (options) => {
    expect(() => flare(options as never)).toThrow(
      new TypeError(
        'flare needs account: a function from a principal to the account of its owner.',
      ),
    )
  },
)

describe('the token endpoints', () => {
  it.each([
    ['standard', standard(), ['/', '/test', '/test/', '/jwks.json', '/jwks.json/']],
    [
      'flare',
      flareOf(),
      ['/generate', '/generate/', '/test', '/test/', '/jwks.json', '/jwks.json/'],
    ],
  ])(
    'of %s have their documented paths, with and without a trailing slash',
    (_name, profile, paths) => {
      expect([...createEndpoints(createBench().twinkey, { profile }).paths.keys()]).toEqual(paths)
    },
  )

  it('for reading answer HEAD like GET, and each endpoint names its methods in a 405', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const { exchange, test, jwks } = webEndpoints(twinkey)
    const headers = { authorization: `Bearer ${primary}` }
    for (const endpoint of [test, jwks]) {
      const ask = (method: string) =>
        endpoint(new Request('http://localhost/', { method, headers }))
      expect([(await ask('GET')).status, (await ask('HEAD')).status]).toEqual([200, 200])
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const answer = await ask(method)
        expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      }
    }
    const answer = await exchange(new Request('http://localhost/', { headers }))
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('refuse a token test without a credential', async () => {
    const { twinkey } = createBench()
    expect((await webEndpoints(twinkey).test(new Request('http://localhost/'))).status).toBe(401)
  })

  it('hand pending work to a context, at any position among the arguments of the host', async () => {
    const { twinkey, spy } = createBench()
    let written = () => {}
    const writing = new Promise<void>((resolve) => (written = resolve))
    spy.override({ recordUse: () => writing })
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const waited: unknown[] = []
    const context = { waitUntil: (work: unknown) => void waited.push(work) }
    const request = new Request('http://localhost/', {
      headers: { authorization: `Bearer ${primary}` },
    })
    expect((await webEndpoints(twinkey).test(request, undefined, null, context)).status).toBe(200)
    expect(waited.length).toBe(1)
    written()
    await Promise.all(waited)
    expect(twinkey.flush()).toBeUndefined()
  })
})

it('a custom profile gets X-Content-Type-Options on its answers, and keeps the headers that it sets', async () => {
  const { twinkey } = createBench()
  const { primary } = await twinkey.keys.create({
    name: 'own',
    scope: { tenants: '*', workflows: '*' },
  })
  const bare = (headers: Record<string, string>) => ({ status: 200, headers, body: '{}' })
  const saying = (headers: Record<string, string>): Profile => ({
    ...standard(),
    refuse: () => bare(headers),
    tokenIssued: () => bare(headers),
    tokenTested: () => bare(headers),
  })
  const authorization = `Bearer ${primary}`
  for (const [headers, expected] of [
    [{}, 'nosniff'],
    [{ 'x-content-type-options': 'other' }, 'other'],
  ] as const) {
    const profile = saying(headers)
    const { exchange, test, jwks } = webEndpoints(twinkey, { profile })
    const guarded = requireAuth(twinkey, { profile }, () => new Response())
    const answers = [
      await guarded(new Request('http://localhost/')),
      await exchange(new Request('http://localhost/', { method: 'POST' })),
      await exchange(
        new Request('http://localhost/', { method: 'POST', headers: { authorization } }),
      ),
      await test(new Request('http://localhost/', { headers: { authorization } })),
      await jwks(new Request('http://localhost/', { method: 'POST' })),
    ]
    expect(answers.map((answer) => answer.headers.get('x-content-type-options'))).toEqual(
      answers.map(() => expected),
    )
  }
})

it.each([
  [
    'boomi-flow',
    boomiFlow(),
    408,
    { code: 'request_timeout', message: 'The request did not arrive in time.' },
  ],
  [
    'flare',
    flareOf(),
    408,
    { error: { code: 'REQUEST_TIMEOUT', message: 'The request did not arrive in time.' } },
  ],
  ['flowgear', flowgear(), 404, { Message: 'Not Found' }],
])(
  'under the profile %s, a late body gets a refusal in the words of the profile',
  (_name, profile, status, body) => {
    const answer = profile.refuse(REFUSALS.bodyLate)
    expect([answer.status, JSON.parse(answer.body)]).toEqual([status, body])
  },
)
