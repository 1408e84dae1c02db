import { readFileSync } from 'node:fs'
import type { JWK } from 'jose'
import { createTwinkey, generateSigningKey, type TokenOptions } from 'twinkey'
import { expect, it, vi } from 'vitest'
import { AUDIENCE, createBench, ISSUER, signingKey } from '../support/bench.ts'
import { base64url, claimsFor, decoded, type ForgedPart, forge } from '../support/forge.ts'
import { codeOf, verdict } from '../support/sent.ts'
import { tokenHandler } from '../support/token-handler.ts'
import thumbprints from '../vectors/thumbprints.json' with { type: 'json' }

const SCOPE = { tenants: ['t'], workflows: '*' } as const

async function createScene(tokens: Partial<TokenOptions> = {}) {
  const bench = createBench({
    tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey], ...tokens },
  })
  const { key, primary } = await bench.twinkey.keys.create({ name: 'n', scope: SCOPE })
  const issued = await bench.twinkey.tokens.issue(primary)
  const token = issued.ok ? issued.token : ''
  const { header, payload } = decoded(token)
  const claims = claimsFor(key.id, String(payload['secret_id']), bench.clock.now() / 1000)
  /**
   * The decision about a token with a good signature and some members that differ from the
   * library's.
   */
  const withHeader = (more: object) =>
    verdict(bench.twinkey, forge({ header: { ...header, ...more }, payload: claims }))
  const withClaims = (more: object) =>
    verdict(bench.twinkey, forge({ header, payload: { ...claims, ...more } }))
  const withPayload = (part: ForgedPart) => verdict(bench.twinkey, forge({ header, payload: part }))
  // This token is accepted, so each refusal below has its own cause.
  expect([await withHeader({}), await withClaims({})]).toEqual(['let in', 'let in'])
  return {
    ...bench,
    key,
    primary,
    token,
    header,
    payload,
    claims,
    withHeader,
    withClaims,
    withPayload,
  }
}

const REFUSED = 'credential_invalid'

it('C1: a token is an at+jwt with a fixed alg, a kid and every claim, for an hour at most, and RS256 is there', async () => {
  const { header, payload, token, twinkey, primary } = await createScene()
  expect(header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.stringMatching(/^[\w-]{43}$/) })
  const names = 'aud client_id environments exp iat iss jti scope secret_id sub tenants workflows'
  expect(Object.keys(payload).sort().join(' ')).toBe(names)
  expect(Number(payload['exp']) - Number(payload['iat'])).toBe(3600)
  expect(await verdict(twinkey, token)).toBe('let in')
  await expect(twinkey.tokens.issue(primary, { lifetimeSeconds: 3601 })).rejects.toMatchObject({
    code: 'invalid_input',
  })
  const rsa = await createBench({
    tokens: {
      issuer: ISSUER,
      audience: AUDIENCE,
      signingKeys: [await generateSigningKey('RS256')],
    },
  })
  const created = await rsa.twinkey.keys.create({ name: 'n', scope: SCOPE })
  const issued = await rsa.twinkey.tokens.issue(created.primary)
  expect(decoded(issued.ok ? issued.token : '').header['alg']).toBe('RS256')
})

it('C2: a token has one accepted spelling: length, alphabet, parts, alg and kid are checked before the claims', async () => {
  const { twinkey, token, withHeader } = await createScene()
  const [header = '', payload = '', signature = ''] = token.split('.')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(signature.at(-1) as string)
  const spellings = [
    `${token}=`,
    `${token}\n`,
    ` ${token}`,
    `${token}.`,
    `.${token}`,
    `${header}.${payload}`,
    `${header}..${signature}`,
    `${header}=.${payload}.${signature}`,
    // The last character of 64 bytes has four unused bits.
    `${token.slice(0, -1)}${alphabet[last ^ 1]}`,
    token.padEnd(9000, 'A'),
  ]
  for (const each of spellings)
    expect((await twinkey.tokens.verify(each)).ok, each.slice(-20)).toBe(false)
  for (const alg of ['none', 'None', 'es256', 'HS256', 'RS256', 'EdDSA', '', null])
    expect(await withHeader({ alg })).toBe(REFUSED)
})

it('C3: a key that a token brings or points to is never used or fetched, and an unknown kid causes no request', async () => {
  const fetched = vi.spyOn(globalThis, 'fetch')
  const { header, claims, twinkey, withHeader, spy } = await createScene()
  const theirs = await generateSigningKey()
  const { d: _private, ...jwk } = theirs
  for (const more of [
    { jwk },
    { jku: 'https://evil.example/jwks' },
    { x5u: 'https://evil.example/x' },
    { x5c: ['AA=='] },
    { x5t: 'AA' },
  ]) {
    expect(
      await verdict(
        twinkey,
        forge({ header: { ...header, ...more }, payload: claims, key: theirs }),
      ),
    ).toBe(REFUSED)
    expect([await withHeader(more), await withHeader({ ...more, kid: 'unknown' })]).toEqual([
      REFUSED,
      REFUSED,
    ])
  }
  const before = spy.calls.get
  for (const kid of ['unknown', '__proto__', '../key', 'x'.repeat(65), '', 0, null, ['a']])
    expect(await withHeader({ kid })).toBe(REFUSED)
  expect([fetched.mock.calls.length, spy.calls.get]).toEqual([0, before])
  fetched.mockRestore()
})

it('C4: typ is at+jwt in any case, with or without application/, and a key has one algorithm', async () => {
  const { withHeader } = await createScene()
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt'])
    expect(await withHeader({ typ })).toBe('let in')
  for (const typ of ['JWT', 'id+jwt', 'at+jwt ', '', null, 1, undefined])
    expect(await withHeader({ typ })).toBe(REFUSED)
  // An RSA key suits several algorithms, so it has to name one.
  const signingKeys = [{ kty: 'RSA', n: 'x'.repeat(342), e: 'AQAB', d: 'AQAB' }]
  expect(() =>
    createTwinkey({ tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys } }),
  ).toThrow(/One key has one algorithm/)
})

it('C5: each claim has its type, and a missing or invalid one never means any', async () => {
  const { withClaims, withPayload, clock, events } = await createScene()
  const now = clock.now() / 1000
  for (const odd of [null, true, {}, '', [[]], Number.MAX_VALUE])
    expect(await withClaims({ owner: odd }), `owner ${JSON.stringify(odd)}`).toBe(REFUSED)
  expect(await withClaims({ owner: 'ada', sub: 'ada' })).toBe(REFUSED)
  const names = [
    'sub',
    'client_id',
    'secret_id',
    'jti',
    'scope',
    'tenants',
    'environments',
    'workflows',
    'iss',
    'aud',
    'iat',
    'exp',
  ]
  for (const name of names) {
    for (const odd of [undefined, null, true, {}, '', [[]], Number.MAX_VALUE]) {
      expect(await withClaims({ [name]: odd }), `${name} ${JSON.stringify(odd)}`).toBe(REFUSED)
    }
  }
  const times = [
    { exp: now },
    { exp: now + 3601 },
    { exp: 1e15 },
    { exp: (now + 60) * 1000 },
    { iat: now + 31 },
    { iat: -1 },
    { nbf: now + 31 },
  ]
  for (const odd of times) expect(await withClaims(odd), JSON.stringify(odd)).toBe(REFUSED)
  expect(await withPayload(`{"exp":1e400}`)).toBe(REFUSED)
  expect(await withClaims({ tenants: ['t', 1] })).toBe(REFUSED)
  // The token itself is the reason, not a missing key or secret. A token of another issuer could be
  // an imported secret, but is not.
  const reasons = new Set(
    events.flatMap((event) => (event.type === 'access.refused' ? [event.reason] : [])),
  )
  expect([...reasons].sort()).toEqual([
    'prefix_unknown',
    'token_audience_unknown',
    'token_claims_wrong',
  ])
  // A key without an owner, and one with an owner in `sub`, as the pre-release issued it.
  expect([await withClaims({ owner: undefined }), await withClaims({ sub: 'ada' })]).toEqual([
    'let in',
    'let in',
  ])
})

it('C6: the issuer is compared as one string, exactly', async () => {
  const { withClaims } = await createScene()
  for (const iss of [
    [ISSUER],
    [ISSUER, 'https://evil.example'],
    `${ISSUER}/`,
    ISSUER.toUpperCase(),
    `${ISSUER}.evil`,
    { 0: ISSUER },
  ])
    expect(await withClaims({ iss })).toBe(REFUSED)
})

it('C7: a token with any crit header is refused', async () => {
  const { withHeader } = await createScene()
  for (const crit of [['exp'], ['b64'], ['x'], [], ['x', 'x'], 'x', null, {}])
    expect(await withHeader({ crit, x: 1, b64: true })).toBe(REFUSED)
})

it('C8: the tolerance applies to iat and nbf only, is 60 seconds at most, and no option of a claim is a pattern', async () => {
  const tokens = { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] }
  expect(() => createTwinkey({ tokens: { ...tokens, clockToleranceSeconds: 61 } })).toThrow(
    RangeError,
  )
  for (const name of ['issuer', 'audience'])
    expect(() => createTwinkey({ tokens: { ...tokens, [name]: /./ } as TokenOptions })).toThrow(
      TypeError,
    )
  const { withClaims, clock } = await createScene({ clockToleranceSeconds: 60 })
  const now = clock.now() / 1000
  expect([await withClaims({ iat: now + 60 }), await withClaims({ iat: now + 61 })]).toEqual([
    'let in',
    REFUSED,
  ])
  expect([
    await withClaims({ exp: now + 1 }),
    await withClaims({ exp: now }),
    await withClaims({ exp: now - 1 }),
  ]).toEqual(['let in', REFUSED, REFUSED])
})

it('C9: a token cannot be exchanged for a token', async () => {
  const { twinkey, token } = await createScene()
  expect(codeOf(await twinkey.tokens.issue(token))).toBe(REFUSED)
  const exchange = tokenHandler(twinkey)
  const headers = { authorization: `Bearer ${token}` }
  expect(
    (await exchange(new Request('https://api.example/', { method: 'POST', headers }))).status,
  ).toBe(401)
})

it('C10: the result is a refusal and never an exception, for any token and any error of its verification', async () => {
  const { withPayload, withClaims, twinkey, header } = await createScene()
  const parts: ForgedPart[] = [
    '',
    'null',
    '[]',
    '"x"',
    '{',
    `${'['.repeat(2000)}${']'.repeat(2000)}`,
    '{"__proto__":1}',
    Uint8Array.of(0xff, 0xfe),
  ]
  for (const part of parts) {
    expect(await withPayload(part)).toBe(REFUSED)
    expect(await verdict(twinkey, forge({ header: part, payload: '{}' }))).toBe(REFUSED)
  }
  for (const odd of [
    undefined,
    null,
    7,
    {},
    [],
    '\ud800',
    '\0',
    `${base64url(JSON.stringify(header))}..`,
  ]) {
    expect(codeOf(await twinkey.tokens.verify(odd as string))).toBe(REFUSED)
  }
  const verifying = vi.spyOn(crypto.subtle, 'verify')
  for (const [i, thrown] of [
    new RangeError('stack'),
    new TypeError('key'),
    'text',
    undefined,
  ].entries()) {
    verifying.mockRejectedValueOnce(thrown)
    expect(await withClaims({ jti: `jti000000000000${i}` })).toBe(REFUSED)
  }
  expect(await withClaims({ jti: 'jti0000000000009' })).toBe('let in')
  verifying.mockRestore()
})

it('C11: the published key is public, with alg, use and its thumbprint as kid, and a retired key still verifies', async () => {
  const retired: JWK = await generateSigningKey('EdDSA')
  for (const { jwk, kid } of thumbprints) {
    const known = createBench({
      tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey, jwk] },
    })
    expect((await known.twinkey.tokens.jwks()).keys[1]).toEqual({ ...jwk, use: 'sig', kid })
  }
  const { twinkey, header, claims } = await createScene({ signingKeys: [signingKey, retired] })
  const { keys } = await twinkey.tokens.jwks()
  expect(keys.map(({ alg, use }) => [alg, use])).toEqual([
    ['ES256', 'sig'],
    ['EdDSA', 'sig'],
  ])
  for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'])
    for (const key of keys) expect(Object.keys(key)).not.toContain(secret)
  const kid = keys[1]?.kid
  expect(new Set(keys.map((key) => key.kid)).size).toBe(2)
  expect(
    await verdict(
      twinkey,
      forge({ header: { ...header, alg: 'EdDSA', kid }, payload: claims, key: retired }),
    ),
  ).toBe('let in')
})

it('C12: the lowest permitted jose is no older than 6.2.10, and an empty issuer or audience is refused at the start', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>
  }
  const [major = 0, minor = 0, patch = 0] = (dependencies['jose'] ?? '')
    .replace(/^\^/, '')
    .split('.')
    .map(Number)
  expect(major * 1e6 + minor * 1e3 + patch).toBeGreaterThanOrEqual(6_002_010)
  const tokens = { issuer: ISSUER, audience: AUDIENCE, signingKeys: [signingKey] }
  for (const odd of ['', undefined, null, 0, false, []])
    for (const name of ['issuer', 'audience'])
      expect(() => createTwinkey({ tokens: { ...tokens, [name]: odd } as TokenOptions })).toThrow(
        TypeError,
      )
})

it('C13: a signing key is a JWK of a supported algorithm: text, bytes and shared secrets are rejected', () => {
  const shared = { kty: 'oct', k: base64url('x'.repeat(64)), alg: 'HS256' }
  const pem = '-----BEGIN PRIVATE KEY-----'
  for (const odd of [
    pem,
    JSON.stringify(signingKey),
    'secret',
    new Uint8Array(32),
    shared,
    { ...shared, alg: 'ES256' },
    null,
    7,
    {},
  ]) {
    const tokens = { issuer: ISSUER, audience: AUDIENCE, signingKeys: [odd as JWK] }
    expect(() => createTwinkey({ tokens }), JSON.stringify(odd)).toThrow(TypeError)
  }
  expect(() =>
    createTwinkey({
      tokens: {
        issuer: ISSUER,
        audience: AUDIENCE,
        signingKeys: [{ ...signingKey, alg: 'HS256' }],
      },
    }),
  ).toThrow(TypeError)
})
