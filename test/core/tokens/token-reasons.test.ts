import { generateSigningKey } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { created } from '../../../src/core/model/transitions.ts'
import { readSigningKey } from '../../../src/core/tokens/signing-key.ts'
import { isIssuedBy, signToken, type TokenRules } from '../../../src/core/tokens/token.ts'
import { AUDIENCE, ISSUER, signingKey } from '../../support/bench.ts'
import { claimsFor, forge } from '../../support/forge.ts'
import { verifyToken } from '../../support/verify-token.ts'

const RESOURCE = 'https://api.example/mcp'
const NOW = 1_700_000_000_000
const SECONDS = NOW / 1000
const key = readSigningKey(signingKey, 'signingKeys[0]')
const rules: TokenRules = {
  issuer: ISSUER,
  audience: AUDIENCE,
  resources: ['https://api.example/other', RESOURCE],
  clockToleranceSeconds: 30,
  keyOf: (kid) => (kid === key.kid ? key : undefined),
}
const header = { alg: 'ES256', typ: 'at+jwt', kid: key.kid }
const claims = claimsFor('key0000000000000', 'secret0000000000', SECONDS)
const good = forge({ header, payload: claims })
const other = await generateSigningKey()

const withClaims = (more: Record<string, unknown>) =>
  forge({ header, payload: { ...claims, ...more } })
const verify = (text: string, now = NOW) => verifyToken(text, rules, now)

/** A good token of that many characters, padded by an unknown claim. */
function tokenOf(length: number): string {
  for (let padding = Math.floor((length - good.length) * 0.75) - 20; ; padding++) {
    const token = withClaims({ padding: 'x'.repeat(padding) })
    if (token.length >= length) return token
  }
}

describe('the reason why a token is refused', () => {
  it('is absent if nothing is wrong', async () => {
    expect(await verify(good)).toMatchObject({
      keyId: 'key0000000000000',
      secretId: 'secret0000000000',
      issuedAt: NOW,
      expiresAt: NOW + 3_600_000,
    })
  })

  it.each<[string, string, string]>([
    ['token_malformed', 'a part too many', `${good}.AAAA`],
    ['token_malformed', 'an empty part', good.replace(/\..*\./, '..')],
    ['token_malformed', 'a last character that carries no whole byte', `${good}AAA`],
    ['token_malformed', 'a header that is no JSON', forge({ header: '{', payload: claims })],
    [
      'token_malformed',
      'a member of the header that is not known',
      forge({ header: { ...header, crit: [] }, payload: claims }),
    ],
    [
      'token_malformed',
      'another type',
      forge({ header: { ...header, typ: 'JWT' }, payload: claims }),
    ],
    [
      'token_malformed',
      'no type',
      forge({ header: { alg: 'ES256', kid: key.kid }, payload: claims }),
    ],
    [
      'token_malformed',
      'another algorithm than that of its key',
      forge({ header: { ...header, alg: 'ES384' }, payload: claims }),
    ],
    [
      'token_key_unknown',
      'a key that is not known',
      forge({ header: { ...header, kid: 'nobody' }, payload: claims }),
    ],
    [
      'token_key_unknown',
      'no key',
      forge({ header: { alg: 'ES256', typ: 'at+jwt' }, payload: claims }),
    ],
    [
      'token_issuer_unknown',
      'a key and an issuer that are not known',
      forge({ header: { ...header, kid: 'nobody' }, payload: { iss: 'https://b' } }),
    ],
    [
      'token_signature_wrong',
      'the signature of another',
      forge({ header, payload: claims, key: other }),
    ],
    ['token_issuer_unknown', 'another issuer', withClaims({ iss: 'https://other.example' })],
    ['token_claims_wrong', 'claims that are no JSON', forge({ header, payload: '{' })],
    ['token_claims_wrong', 'claims that are not UTF-8', forge({ header, payload: notUtf8() })],
    [
      'token_claims_wrong',
      'claims behind a byte order mark',
      forge({ header, payload: `\ufeff${JSON.stringify(claims)}` }),
    ],
    ['token_audience_unknown', 'another audience', withClaims({ aud: 'https://other.example' })],
    [
      'token_audience_unknown',
      'other audiences',
      withClaims({ aud: ['https://other.example', 'https://another.example'] }),
    ],
    ['token_audience_unknown', 'no audience', withClaims({ aud: undefined })],
    [
      'token_audience_unknown',
      'another audience, and another subject than text',
      withClaims({ aud: 'https://other.example', sub: 1 }),
    ],
    [
      'token_audience_unknown',
      'another audience than the resources',
      withClaims({ aud: `${RESOURCE}/` }),
    ],
    ['token_audience_unknown', 'a resource and a number', withClaims({ aud: [RESOURCE, 1] })],
    [
      'token_issuer_unknown',
      'another issuer and another audience',
      withClaims({ iss: 'https://other.example', aud: 'https://other.example' }),
    ],
    [
      'token_claims_wrong',
      'a scope string that begins with a space',
      withClaims({ scope: ' tenant:t' }),
    ],
    [
      'token_claims_wrong',
      'a scope string that ends with a space',
      withClaims({ scope: 'tenant:t ' }),
    ],
    ['token_claims_wrong', 'no subject', withClaims({ sub: '' })],
    ['token_claims_wrong', 'an empty owner', withClaims({ owner: '' })],
    ['token_claims_wrong', 'an owner that is null', withClaims({ owner: null })],
    ['token_claims_wrong', 'an owner that is a list', withClaims({ owner: ['ada'] })],
    [
      'token_claims_wrong',
      'an owner, and another subject than the key',
      withClaims({ owner: 'ada', sub: 'ada' }),
    ],
    [
      'token_claims_wrong',
      'an owner, and no subject',
      withClaims({ owner: 'ada', sub: undefined }),
    ],
    ['token_claims_wrong', 'a time that is text', withClaims({ iat: `${SECONDS}` })],
    ['token_claims_wrong', 'an nbf of 0', withClaims({ nbf: 0 })],
    ['token_claims_wrong', 'an nbf before 1970', withClaims({ nbf: -1 })],
    ['token_claims_wrong', 'a life of more than an hour', withClaims({ exp: SECONDS + 3601 })],
    ['token_claims_wrong', 'tenants that are no reach', withClaims({ tenants: 7 })],
  ])('is %s for %s', async (reason, _, text) => {
    expect(await verify(text)).toBe(reason)
  })

  it.each(['A'.repeat(65), ' A', 'A ', '../A', ''])(
    'is found without looking up a key of the impossible id %j',
    async (kid) => {
      const asked: string[] = []
      const keyOf = (name: string) => void asked.push(name)
      const text = forge({ header: { ...header, kid }, payload: claims })
      expect(
        await verifyToken(text, { ...rules, keyOf: (name) => keyOf(name) as undefined }, NOW),
      ).toBe('token_key_unknown')
      expect(asked).toEqual([])
    },
  )

  it('is token_expired from its exp on, to the millisecond', async () => {
    expect(await verify(good, NOW + 3_599_999)).toMatchObject({ expiresAt: NOW + 3_600_000 })
    expect(await verify(good, NOW + 3_600_000)).toBe('token_expired')
  })

  it('is token_malformed above 8,192 characters, whatever the signature', async () => {
    const [longest, longer] = [tokenOf(8192), tokenOf(8193)]
    expect([longest.length, longer.length]).toEqual([8192, 8193])
    expect(await verify(longest)).toMatchObject({ keyId: 'key0000000000000' })
    expect(await verify(longer)).toBe('token_malformed')
  })
})

describe('the audience of a token', () => {
  it.each<[unknown, string]>([
    [AUDIENCE, AUDIENCE],
    [RESOURCE, RESOURCE],
    [['https://other.example', RESOURCE], RESOURCE],
    [[RESOURCE, AUDIENCE], AUDIENCE],
  ])('%j is read as %s', async (aud, audience) => {
    expect(await verify(withClaims({ aud }))).toMatchObject({ audience })
  })
})

describe('the owner of a token', () => {
  it.each<[string, object, string | null]>([
    ['of the claim', { owner: 'ada' }, 'ada'],
    ['of nobody', {}, null],
    ['of the subject in a token of the pre-release', { sub: 'ada' }, 'ada'],
  ])('is that %s', async (_, more, owner) => {
    expect(await verify(withClaims({ ...more }))).toMatchObject({
      keyId: 'key0000000000000',
      owner,
    })
  })
})

describe('the issuer of a token', () => {
  it('is read only from a text in the form of a token', () => {
    expect(isIssuedBy(good, ISSUER)).toBe(true)
    expect([`${good}=`, ` ${good}`, `${good}.x`].map((text) => isIssuedBy(text, ISSUER))).toEqual([
      false,
      false,
      false,
    ])
  })
})

describe('signing a token', () => {
  const secret = { id: 's', digest: 'd', hint: 'abcd', createdAt: NOW, expiresAt: null }
  const sign = (tenants: readonly string[], owner: string | null = null, signing = key) => {
    const scope = { tenants, environments: '*', workflows: '*' } as const
    const record = created(
      'k',
      {
        name: 'n',
        owner,
        scope,
        tokens: true,
        limits: null,
        networks: null,
        expiresAt: null,
        metadata: {},
        primary: secret,
        secondary: null,
      },
      NOW,
    )
    return signToken(
      {
        key: record,
        secretId: 's',
        scope,
        limits: undefined,
        issuedAt: SECONDS,
        expiresAt: SECONDS + 60,
      },
      rules,
      signing,
    )
  }

  it('is possible up to 6,144 characters, and not above', async () => {
    const tenants = Array.from({ length: 16 }, (_, i) => `${i}`.padEnd(124, 'x'))
    const lengths: (number | undefined)[] = []
    for (let length = 1; length <= 128; length++)
      lengths.push((await sign(tenants, 'o'.repeat(length)))?.token.length)
    const longest = lengths.lastIndexOf(6144)
    expect(longest).toBeGreaterThan(0)
    expect(new Set(lengths.slice(longest + 1))).toEqual(new Set([undefined]))
  })

  it('is an error with a reason if the first key has only its public half', async () => {
    const { d: _private, ...half } = signingKey
    await expect(sign(['t'], null, readSigningKey(half, 'signingKeys[0]'))).rejects.toMatchObject({
      code: 'signing_key_missing',
      message:
        'tokens.signingKeys[0] has no private part. The first key signs, so it must be private.',
    })
  })
})

function notUtf8(): Uint8Array {
  const bytes = Buffer.from(JSON.stringify({ ...claims, padding: 'x' }))
  bytes[bytes.lastIndexOf('x')] = 0xff
  return bytes
}
