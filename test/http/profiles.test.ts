import { type Profile, tokenEndpoints } from 'twinkey'
import { boomiFlow, flare, flowgear, securitySchemes, standard } from 'twinkey/profiles'
import { requireAuth } from 'twinkey/web'
import { describe, expect, it } from 'vitest'
import { REFUSALS } from '../../src/core/model/refusal.ts'
import { createBench } from '../support/bench.ts'
import { tokenHandler } from '../support/token-handler.ts'

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
  [
    'boomi-flow',
    boomiFlow(),
    {
      apiKey: { ...HEADER_KEY, name: 'x-boomi-flow-api-key' },
      tenant: {
        ...HEADER_KEY,
        name: 'manywhotenant',
        description: 'The tenant. Default: that of a key for exactly one.',
      },
    },
  ],
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
      apiKey: {
        ...HEADER_KEY,
        name: 'Authorization',
        description: 'An API key, for POST /tokens/generate alone.',
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
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: 'An API key, or a token that it was exchanged for.',
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
    ['standard', standard(), ['POST /', 'GET /test', 'GET /jwks.json']],
    ['flare', flareOf(), ['POST /generate', 'GET /test', 'GET /jwks.json']],
    [
      'a profile with a path of its own',
      { ...standard(), exchangePath: '/oauth2/v1.0/~token_' },
      ['POST /oauth2/v1.0/~token_', 'GET /test', 'GET /jwks.json'],
    ],
    [
      'a profile with the exchange at the path of another endpoint',
      { ...standard(), exchangePath: '/test' },
      ['POST /test', 'GET /test', 'GET /jwks.json'],
    ],
  ])('of %s have their documented methods and paths', (_name, profile, expected) => {
    const { routes } = tokenEndpoints(createBench().twinkey, { profile })
    expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual(expected)
  })

  it.each([
    undefined,
    null,
    7,
    '',
    'generate',
    '/generate/',
    '//generate',
    '/a//b',
    '/:id',
    '/a/*',
    '/generate?x=1',
    '/generate#x',
    '/a b',
    '/a%20b',
    '/../a',
    '/a/.',
    'https://api.example/generate',
  ])('cannot have the exchange at %j', (exchangePath) => {
    const profile = { ...standard(), exchangePath } as Profile
    expect(() => tokenEndpoints(createBench().twinkey, { profile })).toThrow(
      /^tokenEndpoints: profile\.exchangePath must be a path like '\/' or '\/generate'/,
    )
  })

  it('for reading answer HEAD like GET, and each endpoint names its methods in a 405', async () => {
    const { twinkey } = createBench()
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const handle = tokenHandler(twinkey)
    const headers = { authorization: `Bearer ${primary}` }
    for (const path of ['/test', '/jwks.json']) {
      const ask = (method: string) =>
        handle(new Request(`http://localhost${path}`, { method, headers }))
      expect([(await ask('GET')).status, (await ask('HEAD')).status]).toEqual([200, 200])
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
        const answer = await ask(method)
        expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      }
    }
    const answer = await handle(new Request('http://localhost/', { headers }))
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('refuse a token test without a credential', async () => {
    const { twinkey } = createBench()
    const request = new Request('http://localhost/test')
    expect((await tokenHandler(twinkey)(request)).status).toBe(401)
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
    const request = new Request('http://localhost/test', {
      headers: { authorization: `Bearer ${primary}` },
    })
    const answer = await tokenHandler(twinkey)(request, undefined, null, context)
    expect(answer.status).toBe(200)
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
    const handle = tokenHandler(twinkey, { profile })
    const guarded = requireAuth(twinkey, { profile }, () => new Response())
    const answers = [
      await guarded(new Request('http://localhost/')),
      await handle(new Request('http://localhost/', { method: 'POST' })),
      await handle(
        new Request('http://localhost/', { method: 'POST', headers: { authorization } }),
      ),
      await handle(new Request('http://localhost/test', { headers: { authorization } })),
      await handle(new Request('http://localhost/jwks.json', { method: 'POST' })),
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
