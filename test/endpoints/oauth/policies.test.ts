import { from, isTwinkeyError, type TwinkeyOptions, type WireRequest } from 'twinkey'
import { mcpTokenVerifier, oauthEndpoints } from 'twinkey/oauth'
import { mount } from 'twinkey/web'
import { describe, expect, it } from 'vitest'
import { AUDIENCE, createBench, ISSUER } from '../../support/bench.ts'
import { countingLimiter } from '../../support/counting-limiter.ts'

const INPUT = { name: 'n', tokens: true, scope: { tenants: ['t'], workflows: ['w'] } } as const
const LIMITS = [{ requests: 2, perSeconds: 60 }]
const NETWORKS = ['192.0.2.0/24', '2001:db8::/32']
const INSIDE = '192.0.2.7'

/** An API whose client with limits may ask about every token. `other` is for a process of its own. */
async function createScene(other?: TwinkeyOptions) {
  const limiter = countingLimiter()
  const bench = createBench({ limiter, clientAddress: from.header('x-client') })
  const { keys, tokens } = bench.twinkey
  const limited = await keys.create({ ...INPUT, limits: LIMITS })
  const office = await keys.create({ ...INPUT, networks: NETWORKS })
  const issued = await tokens.issue(office.primary, {}, { address: INSIDE })
  if (!issued.ok) throw new Error(issued.refusal.code)
  const { audiences } = bench.twinkey
  const handle = mount(
    oauthEndpoints(other ? bench.another(other) : bench.twinkey, {
      url: `${ISSUER}/oauth`,
      introspect: () => audiences,
    }),
    '/oauth',
  )
  const ask = async (
    path: 'introspect' | 'revoke' | 'token',
    by: typeof limited,
    client?: string,
    form: Record<string, string> = { token: issued.token },
  ) => {
    const { key, primary } = by
    const credentials = { client_id: key.id, client_secret: primary }
    const request = new Request(`${ISSUER}/oauth/${path}`, {
      method: 'POST',
      headers: client === undefined ? {} : { 'x-client': client },
      body: new URLSearchParams({ ...credentials, ...form }),
    })
    const answer = (await handle(request)) as Response
    const wait = answer.headers.get('retry-after')
    return { status: answer.status, wait, body: await answer.json() }
  }
  return { ...bench, limiter, limited, office, token: issued.token, ask }
}

describe('introspection', () => {
  it('shows the current networks, and does not compare them with the address of the caller', async () => {
    const { ask, limited, office, twinkey } = await createScene()
    const { body } = await ask('introspect', limited, '203.0.113.1')
    expect(body).toMatchObject({ active: true, client_id: office.key.id, networks: NETWORKS })
    await twinkey.keys.update(office.key.id, { networks: ['198.51.100.0/24'] })
    expect((await ask('introspect', limited)).body).toMatchObject({
      active: true,
      networks: ['198.51.100.0/24'],
    })
  })

  it('leaves networks out for a key that works everywhere', async () => {
    const { ask, limited, twinkey } = await createScene()
    const issued = await twinkey.tokens.issue(limited.primary)
    const token = issued.ok ? issued.token : ''
    const { body } = await ask('introspect', limited, undefined, { token })
    expect(body).toMatchObject({ active: true })
    expect(body).not.toHaveProperty('networks')
  })
})

describe('the endpoint introspect', () => {
  it('counts each request once, for the limits of its caller', async () => {
    const { ask, limited, limiter } = await createScene()
    for (let count = 1; count <= 2; count++) {
      expect((await ask('introspect', limited)).status).toBe(200)
      expect(limiter.charges.map(({ keyId, cost }) => [keyId, cost])).toEqual(
        Array(count).fill([limited.key.id, 1]),
      )
    }
    expect(await ask('introspect', limited)).toEqual({
      status: 429,
      wait: '60',
      body: { error: 'temporarily_unavailable', error_description: expect.any(String) },
    })
  })
})

describe('the endpoint revoke', () => {
  it('ends a stolen token that has used up the limits of its key', async () => {
    const { ask, limited, twinkey, limiter } = await createScene()
    const issued = await twinkey.tokens.issue(limited.primary)
    const token = issued.ok ? issued.token : ''
    const authorization = `Bearer ${token}`
    const steal = () =>
      twinkey.authenticate(new Request(ISSUER, { headers: { authorization } }), { anyTarget: true })
    expect((await steal()).ok).toBe(true)
    expect(await steal()).toMatchObject({ refusal: { code: 'quota_exceeded' } })
    limiter.charges.length = 0
    expect((await ask('revoke', limited, undefined, { token })).status).toBe(200)
    expect(limiter.charges).toMatchObject([{ keyId: limited.key.id, cost: 0 }])
    expect(await steal()).toMatchObject({ refusal: { code: 'credential_invalid' } })
  })

  it('ends a token of a key with limits where no limiter is configured', async () => {
    const { ask, another, limited, twinkey } = await createScene({ limiter: undefined })
    const issued = await twinkey.tokens.issue(limited.primary)
    const token = issued.ok ? issued.token : ''
    expect((await ask('introspect', limited, undefined, { token })).status).toBe(503)
    expect((await ask('revoke', limited, undefined, { token })).status).toBe(200)
    expect((await another().tokens.verify(token)).ok).toBe(false)
  })
})

describe.each(['introspect', 'revoke'] as const)('the endpoint %s', (path) => {
  it('refuses a caller outside the networks of its own key', async () => {
    const { ask, office } = await createScene()
    for (const client of ['203.0.113.1', undefined])
      expect(await ask(path, office, client)).toMatchObject({
        status: 400,
        body: { error: 'unauthorized_client' },
      })
    expect((await ask(path, office, INSIDE)).status).toBe(200)
  })
})

describe('the token endpoint', () => {
  const form = { grant_type: 'client_credentials' }

  it('answers in the words of OAuth', async () => {
    const { ask, limited, office } = await createScene()
    expect(await ask('token', office, '203.0.113.1', form)).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
    })
    expect((await ask('token', office, INSIDE, form)).status).toBe(200)
    for (const status of [200, 200, 429])
      expect((await ask('token', limited, undefined, form)).status).toBe(status)
  })

  it.each([{ limits: LIMITS }, { networks: NETWORKS }])(
    'gives no token for a key with %o, unless tokens was written out',
    async (policies) => {
      const { ask, twinkey } = await createScene()
      const { tokens: _left, ...input } = INPUT
      const made = await twinkey.keys.create({ ...input, ...policies })
      expect(made.key.tokens).toBe(false)
      expect(await ask('token', made, INSIDE, form)).toMatchObject({
        status: 400,
        body: { error: 'unauthorized_client' },
      })
      expect(await twinkey.tokens.issue(made.primary, {}, { address: INSIDE })).toMatchObject({
        refusal: { code: 'credential_invalid' },
      })
    },
  )
})

describe('a token verifier for MCP', () => {
  it('refuses a key that is limited to networks as not valid, because it sees no address', async () => {
    const { twinkey, office, token } = await createScene()
    const invalidToken = (message: string) => new RangeError(message)
    const { verifyAccessToken } = mcpTokenVerifier(twinkey, { resource: AUDIENCE, invalidToken })
    for (const credential of [office.primary, token])
      await expect(verifyAccessToken(credential)).rejects.toThrow(
        new RangeError('The credential is not valid from this network.'),
      )
  })

  it('does not ask clientAddress, which reads requests of the framework', async () => {
    const addressOf = ({ native }: WireRequest) => (native as { readonly ip: string }).ip
    const { twinkey } = createBench({ clientAddress: addressOf })
    const { primary } = await twinkey.keys.create({ ...INPUT, networks: NETWORKS })
    const invalidToken = (message: string) => new RangeError(message)
    const { verifyAccessToken } = mcpTokenVerifier(twinkey, { resource: AUDIENCE, invalidToken })
    await expect(verifyAccessToken(primary)).rejects.toThrow(RangeError)
  })

  it('counts each request, and fails for a key that has used up a limit', async () => {
    const { twinkey, limited, limiter } = await createScene()
    const invalidToken = (message: string) => new RangeError(message)
    const { verifyAccessToken } = mcpTokenVerifier(twinkey, { resource: AUDIENCE, invalidToken })
    for (let count = 1; count <= 2; count++) {
      expect((await verifyAccessToken(limited.primary)).clientId).toBe(limited.key.id)
      expect(limiter.charges).toHaveLength(count)
    }
    const failure = await verifyAccessToken(limited.primary).catch((error: unknown) => error)
    expect(isTwinkeyError(failure) && failure.code).toBe('store_unavailable')
  })
})
