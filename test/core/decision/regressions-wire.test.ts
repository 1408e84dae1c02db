import { fastify } from 'fastify'
import {
  createTwinkey,
  type Endpoints,
  from,
  memoryStore,
  type Profile,
  type Requirement,
  tokenEndpoints,
  type WireRequest,
} from 'twinkey'
import { mount as mountOnExpress, requireAuth as requireExpress } from 'twinkey/express'
import { mount as mountOnFastify, requireAuth as requireFastify } from 'twinkey/fastify'
import { mount as mountOnHono, requireAuth as requireHono } from 'twinkey/hono'
import { boomiFlow, flare, flowgear, standard } from 'twinkey/profiles'
import { createVerifier } from 'twinkey/verifier'
import { mount as mountOnWeb, requireAuth as requireWeb } from 'twinkey/web'
import { describe, expect, it } from 'vitest'
import { NodeWireRequest } from '../../../src/http/request.ts'
import { createBench, signingKey } from '../../support/bench.ts'
import { anyTarget, byHeaders, codeOf, sent } from '../../support/sent.ts'
import { spyStore } from '../../support/spy-store.ts'

async function createWithKey() {
  const bench = createBench()
  const { key, primary, secondary } = await bench.twinkey.keys.create({
    name: 'n',
    scope: { tenants: ['t'], workflows: '*' },
  })
  return { ...bench, key, primary, secondary: secondary as string }
}

/** A request with these headers. */
function withHeaders(headers: Readonly<Record<string, string>>): WireRequest {
  return { method: 'GET', url: '/', header: (name) => headers[name], param: () => undefined }
}

describe('a Node request that a host has constructed', () => {
  it.each([
    ['with an empty list of raw headers', { rawHeaders: [] }],
    ['without raw headers', {}],
  ])('%s is read from its headers', async (_, raw) => {
    const { twinkey, primary } = await createWithKey()
    const ask = async (
      headers: Record<string, string | string[]>,
      requirement: Requirement = anyTarget,
    ) =>
      codeOf(
        await twinkey.authenticate(
          new NodeWireRequest({ method: 'GET', url: '/', ...raw, headers }),
          requirement,
        ),
      )
    expect(await ask({ authorization: `Bearer ${primary}` })).toBe('let in')
    expect(await ask({ 'x-api-key': primary })).toBe('let in')
    expect(await ask({ authorization: `Bearer ${primary}`, 'x-tenant': 'other' }, byHeaders)).toBe(
      'tenant_denied',
    )
    expect(
      await ask({ authorization: `Bearer ${primary}`, 'x-tenant': ['t', 'other'] }, byHeaders),
    ).toBe('target_conflict')
    expect(await ask({ authorization: [`Bearer ${primary}`, `Bearer ${primary}`] })).toBe(
      'credential_ambiguous',
    )
    expect(await ask({})).toBe('credential_missing')
  })

  it('is read from both header lists: `headers` may add a header, and `rawHeaders` shows a repeated one', async () => {
    const { twinkey, primary } = await createWithKey()
    const rawHeaders = ['Authorization', `Bearer ${primary}`, 'authorization', 'Bearer x']
    const headers = { authorization: `Bearer ${primary}` }
    expect(
      codeOf(
        await twinkey.authenticate(
          new NodeWireRequest({ url: '/', rawHeaders, headers }),
          anyTarget,
        ),
      ),
    ).toBe('credential_ambiguous')
    const other = new NodeWireRequest({ url: '/', rawHeaders: ['Host', 'localhost'], headers })
    expect(codeOf(await twinkey.authenticate(other, anyTarget))).toBe('let in')
    const removed = new NodeWireRequest({
      url: '/',
      rawHeaders: ['Authorization', `Bearer ${primary}`],
      headers: {},
    })
    expect(codeOf(await twinkey.authenticate(removed, anyTarget))).toBe('credential_missing')
  })
})

describe('the Authorization field', () => {
  it.each(['Negotiate', 'Kerberos', 'Basic', 'Bearers', 'NTLM'])(
    'with the scheme %s and a long value does not hide X-API-Key',
    async (scheme) => {
      const { twinkey, primary } = await createWithKey()
      const authorization = `${scheme} ${'YIIQ'.repeat(4000)}`
      expect(
        codeOf(
          await twinkey.authenticate(
            withHeaders({ authorization, 'x-api-key': primary }),
            anyTarget,
          ),
        ),
      ).toBe('let in')
      expect(codeOf(await twinkey.authenticate(withHeaders({ authorization }), anyTarget))).toBe(
        'credential_missing',
      )
      expect(
        await twinkey.authenticate(withHeaders({ authorization }), {
          ...anyTarget,
          optional: true,
        }),
      ).toMatchObject({
        ok: true,
        principal: undefined,
      })
    },
  )

  it('with the scheme Bearer and 16,000 characters is credential_invalid', async () => {
    const { twinkey } = await createWithKey()
    expect(
      codeOf(
        await twinkey.authenticate(
          withHeaders({ authorization: `Bearer ${'A'.repeat(16_000)}` }),
          anyTarget,
        ),
      ),
    ).toBe('credential_invalid')
  })

  it.each([
    ['a tab', '\t'],
    ['a no-break space', '\u00a0'],
    ['a space and a tab', ' \t'],
    ['a line separator', '\u2028'],
    ['a byte order mark', '\ufeff'],
  ])('is malformed with %s after "Bearer "', async (_, blank) => {
    const { twinkey, primary } = await createWithKey()
    expect(
      codeOf(
        await twinkey.authenticate(
          withHeaders({ authorization: `Bearer ${blank}${primary}` }),
          anyTarget,
        ),
      ),
    ).toBe('credential_malformed')
  })

  it('may have several spaces after the scheme Bearer, in any case', async () => {
    const { twinkey, primary } = await createWithKey()
    for (const start of ['Bearer ', 'bearer   ', 'BEARER ']) {
      expect(
        codeOf(
          await twinkey.authenticate(withHeaders({ authorization: start + primary }), anyTarget),
        ),
      ).toBe('let in')
    }
  })
})

describe('the creation of a route throws for', () => {
  const twinkey = createTwinkey()
  const as = <T>(value: unknown) => value as T
  const guards: [string, (decider: typeof twinkey, requirement: Requirement) => unknown][] = [
    ['express', requireExpress],
    ['fastify', requireFastify],
    ['hono', requireHono],
    ['web', (decider, requirement) => requireWeb(decider, requirement, () => new Response())],
  ]

  it.each(guards)('requireAuth without a Twinkey: %s', (_, requireAuth) => {
    for (const none of [
      undefined,
      null,
      {},
      { workflow: 'flows.read' },
      createTwinkey,
      { authenticate: async () => {} },
    ])
      expect(() => requireAuth(as(none), anyTarget)).toThrow(
        /first argument must be what createTwinkey or createVerifier returns/,
      )
  })

  it.each(['credential', 'refuse', 'tokenRequest', 'tokenIssued', 'tokenTested'] as const)(
    'a profile without %s',
    (method) => {
      for (const profile of [
        standard(),
        boomiFlow(),
        flowgear(),
        flare({ account: () => undefined }),
      ]) {
        const { [method]: _, ...rest } = profile
        const without = as<Profile>(rest)
        for (const [, requireAuth] of guards)
          expect(() => requireAuth(twinkey, { profile: without })).toThrow(
            /profile must be a profile/,
          )
        expect(() => tokenEndpoints(twinkey, { profile: without })).toThrow(
          /profile must be a profile/,
        )
      }
    },
  )

  it.each(['tenant', 'environment', 'workflow'] as const)('a route whose %s is a star', (axis) => {
    for (const [, requireAuth] of guards)
      expect(() => requireAuth(twinkey, { [axis]: '*' })).toThrow(`${axis} must be one name`)
  })

  it('a fixed name that looks like a parameter, with a message of one sentence', () => {
    for (const [, requireAuth] of guards) {
      expect(() => requireAuth(twinkey, { tenant: ':tenant' })).toThrow(
        /^requireAuth: tenant must be a name without a colon before it, or a reader that was called, like from\.param\('id'\), from\.header\('x-id'\) or from\.query\('id'\)\.$/,
      )
    }
  })

  it('a reader that was not called', () => {
    for (const [, requireAuth] of guards) {
      for (const source of [from.param, from.header, from.query, from.routeTemplate])
        expect(() => requireAuth(twinkey, { workflow: as(source) })).toThrow(
          /^requireAuth: workflow must be .* or a reader that was called, like/,
        )
      // A reader of the application is a function, too.
      for (const source of [
        from.param('id'),
        from.header('x-id'),
        from.query('id'),
        from.routeTemplate(),
        () => 'w',
        function own() {},
      ])
        expect(() => requireAuth(twinkey, { workflow: as(source) })).not.toThrow()
    }
  })

  it('a parameter or header name that cannot exist', () => {
    expect(() => from.param(':tenant')).toThrow("no colon before it, as in from.param('tenant')")
    for (const name of ['x env', 'x:env', 'x-env:', 'x,env', 'ümlaut', ' x', 'x\n', '"x"', '(x)'])
      expect(() => from.header(name), name).toThrow(
        "one that a header can have, as in from.header('x-tenant')",
      )
    for (const name of ["!#$%&'*+-.^_`|~", 'X-Tenant-1'])
      expect(() => from.header(name)).not.toThrow()
    for (const name of ['0', '*', 'tenant_id', 'größe'])
      expect(() => from.param(name)).not.toThrow()
  })

  it('a verifier on a route that accepts only secrets', () => {
    const verifier = createVerifier({
      jwks: 'https://api.example/jwks.json',
      issuer: 'i',
      audience: 'a',
    })
    for (const [, requireAuth] of guards) {
      expect(() => requireAuth(as(verifier), { accept: ['secret'] })).toThrow(
        /a verifier takes tokens only, so accept must hold 'token'/,
      )
      for (const accept of [['token'], ['secret', 'token'], undefined] as const)
        expect(() => requireAuth(as(verifier), { accept })).not.toThrow()
      expect(() => requireAuth(twinkey, { accept: ['secret'] })).not.toThrow()
    }
  })

  it('a guard of a plain handler without the handler', () => {
    for (const none of [undefined, null, {}, new Response()])
      expect(() => requireWeb(twinkey, {}, as<() => Response>(none))).toThrow(
        'requireAuth: the third argument must be the handler to guard.',
      )
  })

  it('token endpoints of an object that issues no tokens', () => {
    const verifier = createVerifier({
      jwks: 'https://api.example/jwks.json',
      issuer: 'i',
      audience: 'a',
    })
    for (const none of [undefined, null, {}, verifier, createTwinkey, { ...twinkey, tokens: {} }])
      expect(() => tokenEndpoints(as<typeof twinkey>(none))).toThrow(
        /^tokenEndpoints: the first argument must be the result of createTwinkey.* A verifier cannot issue/,
      )
  })

  it('token endpoints without a signing key over a store that does not allow an ephemeral one', () => {
    const { store } = spyStore(memoryStore())
    const without = createTwinkey({ store })
    expect(without.tokens.canIssue).toBe(false)
    expect(() => tokenEndpoints(without)).toThrow(
      /^tokenEndpoints: .*tokens\.signingKeys.*generateSigningKey/,
    )
    for (const able of [
      twinkey,
      createTwinkey({ store, tokens: { issuer: 'i', audience: 'a', signingKeys: [signingKey] } }),
    ]) {
      expect(able.tokens.canIssue).toBe(true)
      expect(() => tokenEndpoints(able)).not.toThrow()
    }
  })

  const mounts: [string, (endpoints: Endpoints) => unknown][] = [
    ['express', mountOnExpress],
    ['fastify', mountOnFastify],
    ['hono', mountOnHono],
    ['web', mountOnWeb],
  ]

  it.each(mounts)('a mount of what is no endpoints: %s', (_, mount) => {
    for (const none of [undefined, null, {}, twinkey, tokenEndpoints, { routes: [] }])
      expect(() => mount(as(none))).toThrow(
        /^mount: the first argument must be endpoints, as in mount\(tokenEndpoints\(twinkey\)\)\.$/,
      )
    expect(() => mount(tokenEndpoints(twinkey))).not.toThrow()
  })

  it('a mount that is registered in Fastify without being called first', () => {
    const plugin = as<(app: unknown, options: object) => unknown>(mountOnFastify)
    expect(() => plugin(fastify(), { prefix: '/tokens' })).toThrow(
      'as in mount(tokenEndpoints(twinkey))',
    )
  })

  it('a prefix of plain handlers that is not a path', () => {
    for (const prefix of ['', 'tokens', '/tokens/', '/:tenant', '/tokens/*', null, {}])
      expect(() => mountOnWeb(tokenEndpoints(twinkey), as<string>(prefix))).toThrow(
        /^mount: the prefix must be a path like/,
      )
    for (const prefix of [undefined, '/', '/tokens', '/api/v1.0/tokens'])
      expect(() => mountOnWeb(tokenEndpoints(twinkey), prefix)).not.toThrow()
  })

  it('an unknown option of tokenEndpoints', () => {
    const misspelt = as<object>({ Profile: flowgear() })
    expect(() => tokenEndpoints(twinkey, misspelt)).toThrow(
      'The options of tokenEndpoints cannot have "Profile", only profile, throttle.',
    )
  })
})

describe('a request that names a star', () => {
  it.each(['tenant', 'environment', 'workflow'] as const)(
    'as its %s is malformed, even if the key has scope for everything',
    async (axis) => {
      const { twinkey } = createBench()
      const { primary } = await twinkey.keys.create({
        name: 'n',
        scope: { tenants: '*', workflows: '*' },
      })
      const named = { tenant: 't', environment: 'production', workflow: 'w', [axis]: '*' }
      expect(
        codeOf(await twinkey.authenticate(sent({ credential: primary, ...named }), byHeaders)),
      ).toBe('request_malformed')
    },
  )
})
