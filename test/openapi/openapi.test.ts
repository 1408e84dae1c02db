import type { Profile } from 'twinkey'
import { onlyCredential, readWhole } from 'twinkey/http'
import { fastifyResponses, refusalSchema, responses, security } from 'twinkey/openapi'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import { describe, expect, test } from 'vitest'

const profiles: Readonly<Record<string, Profile>> = {
  standard: standard(),
  'boomi-flow': boomiFlow(),
  flare: flare({ account: () => undefined }),
  flowgear: flowgear(),
}

describe('security', () => {
  test.each([
    ['standard', [{ bearer: [] }, { apiKey: [] }], undefined],
    ['boomi-flow', [{ apiKey: [], tenant: [] }, { apiKey: [] }], undefined],
    ['flare', [{ bearer: [] }], [{ apiKey: [] }]],
    ['flowgear', [{ authorization: [] }, { bearer: [] }, { query: [] }], undefined],
  ])('of the profile %s', (name, alternatives, exchange) => {
    const profile = profiles[name] as Profile
    const found = security(profile)
    expect(found.security).toEqual(alternatives)
    expect(found.exchangeSecurity).toEqual(exchange ?? alternatives)
    expect(found.securitySchemes).toEqual(profile.securitySchemes)
  })

  test('of a route leaves out what it does not accept, and may be empty for an optional one', () => {
    expect(security(standard(), { accept: ['token'] }).security).toEqual([{ bearer: [] }])
    expect(security(flowgear(), { accept: ['token'] }).security).toEqual([{ bearer: [] }])
    expect(security(standard(), { optional: true }).security).toEqual([
      { bearer: [] },
      { apiKey: [] },
      {},
    ])
    const nothing = () => security(boomiFlow(), { accept: ['token'] })
    expect(nothing).toThrow(/boomi-flow declares no place for the credentials/)
  })

  test('returns objects that a caller may change', () => {
    const first = security()
    first.securitySchemes['bearer'] = first.securitySchemes['apiKey'] as never
    first.security.length = 0
    expect(security()).not.toEqual(first)
  })

  test.each<[string, Partial<Profile>, RegExp]>([
    [
      'a header that is not read',
      {
        securitySchemes: {
          key: { type: 'apiKey', in: 'header', name: 'X-Other', description: '' },
        },
      },
      /own declares key, but its reader answers credential_missing/,
    ],
    [
      'two places that are not read together',
      { security: [['bearer', 'apiKey']] },
      /bearer with apiKey, but its reader answers credential_ambiguous/,
    ],
    ['a scheme that is not declared', { security: [['toString']] }, /its securitySchemes lack/],
    [
      'no place of the exchange',
      { exchangeCredential: (request) => onlyCredential(readWhole(request.header('x-no'), false)) },
      /declares bearer, but its reader answers credential_missing/,
    ],
    [
      'a reader that needs the request of a framework',
      {
        credential: ({ native }) => {
          const { cookies } = native as { cookies: Record<string, string> }
          return onlyCredential(readWhole(cookies['key'], false))
        },
      },
      /the reader of the profile own failed/,
    ],
  ])('is an error with %s', (_, change, message) => {
    expect(() => security({ ...standard(), name: 'own', ...change })).toThrow(TypeError)
    expect(() => security({ ...standard(), name: 'own', ...change })).toThrow(message)
  })

  test('of a profile that reads only its own form of secrets is no error', () => {
    const credential: Profile['credential'] = (request) =>
      request.header('x-api-key') === 'right'
        ? onlyCredential(readWhole('right', false))
        : (readWhole(request.header('x-api-key') && 'a b', false) ?? onlyCredential())
    const { apiKey } = standard().securitySchemes
    const own = { ...standard(), credential, securitySchemes: { apiKey: apiKey as never } }
    expect(security(own).security).toEqual([{ apiKey: [] }])
  })

  test('rejects what a requirement rejects', () => {
    expect(() => security(standard(), { accept: [] })).toThrow(/accept must be a list/)
    expect(() => security('standard' as never)).toThrow(/profile must be a profile/)
    expect(() => responses({ worklow: 'x' } as never)).toThrow(TypeError)
  })
})

describe('responses', () => {
  const codesOf = (requirement: Parameters<typeof responses>[0], status: number) =>
    Object.values(responses({ ...requirement })[status as 401]?.content ?? {}).map(
      ({ schema }) => schema.properties?.['code']?.enum,
    )

  test('of the standard profile have the codes of each status', () => {
    expect(Object.keys(responses())).toEqual(['400', '401', '403', '429', '503'])
    expect(codesOf({}, 401)).toEqual([['credential_missing', 'credential_invalid']])
    expect(codesOf({}, 429)).toEqual([['rate_limited', 'quota_exceeded']])
    expect(codesOf({ optional: true }, 401)).toEqual([['credential_invalid']])
    expect(codesOf({ anyTarget: true }, 403)).toEqual([['network_denied']])
    expect(codesOf({ authorize: () => undefined }, 403)).toEqual([undefined])
  })

  test('of the standard profile say which headers always come', () => {
    const required = Object.entries(responses()).map(([status, { headers }]) => [
      status,
      Object.entries(headers).map(([name, each]) => (each.required ? name : `${name}?`)),
    ])
    expect(Object.fromEntries(required)).toEqual({
      400: ['WWW-Authenticate'],
      401: ['WWW-Authenticate'],
      403: ['WWW-Authenticate?'],
      429: ['Retry-After', 'RateLimit-Policy?', 'RateLimit?'],
      503: ['Retry-After'],
    })
    const { 403: denied } = responses({ authorize: () => undefined })
    expect(Object.keys(denied.headers)).toEqual([
      'WWW-Authenticate',
      'RateLimit-Policy',
      'RateLimit',
    ])
  })

  test('of Flowgear reveal no codes', () => {
    const found = responses({ profile: flowgear() })
    expect(Object.keys(found)).toEqual(['404', '429', '503'])
    expect(found[404]?.content).toEqual({
      'application/json': {
        schema: {
          type: 'object',
          required: ['Message'],
          properties: { Message: { type: 'string' } },
        },
      },
    })
  })

  test('of Flare have its nested error', () => {
    const found = responses({ profile: profiles['flare'] as Profile })
    expect(Object.keys(found)).toEqual(['400', '401', '403', '429', '503'])
    expect(found[403]?.content['application/json']?.schema.properties?.['error']).toEqual({
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: {
          type: 'string',
          enum: ['TENANT_DENIED', 'ENVIRONMENT_DENIED', 'WORKFLOW_DENIED', 'NETWORK_DENIED'],
        },
        message: { type: 'string' },
      },
    })
  })

  test('of a profile that writes text have a string', () => {
    const profile: Profile = {
      ...standard(),
      refuse: () => ({
        status: 418,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: 'no',
      }),
    }
    expect(responses({ profile })).toEqual({
      418: {
        description: 'The request is refused.',
        headers: expect.any(Object),
        content: { 'text/plain': { schema: { type: 'string' } } },
      },
    })
  })

  test('of a profile that writes no content type are JSON', () => {
    const profile: Profile = {
      ...standard(),
      refuse: () => ({ status: 418, headers: {}, body: '{"no":1}' }),
    }
    expect(Object.keys(responses({ profile })[418]?.content ?? {})).toEqual(['application/json'])
  })

  test('of Fastify differ in their headers only', () => {
    const { headers, ...rest } = fastifyResponses()[503] ?? { headers: {} }
    expect(headers).toEqual({
      'Retry-After': { type: 'integer', description: 'Seconds to wait before a retry.' },
    })
    const { headers: _, ...same } = responses()[503]
    expect(rest).toEqual(same)
  })
})

test('refusalSchema has every status and code of a guard', () => {
  const { type, required, properties } = refusalSchema()
  expect([type, required]).toEqual(['object', ['title', 'status', 'detail', 'code']])
  expect(properties?.['status']).toEqual({ type: 'integer', enum: [401, 400, 403, 429, 503] })
  expect(properties?.['code']?.enum).toHaveLength(14)
  expect(refusalSchema({ authorize: () => undefined }).properties?.['code']).toEqual({
    type: 'string',
  })
})
