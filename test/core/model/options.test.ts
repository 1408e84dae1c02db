import { generateKeyPairSync } from 'node:crypto'
import { createTwinkey, memoryStore, type TwinkeyOptions } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { AUDIENCE, ISSUER, signingKey } from '../../support/bench.ts'

const bytes = (length: number) => new Uint8Array(length).fill(7)
const tokens = { issuer: ISSUER, audience: AUDIENCE }
const { d: _private, ...publicKey } = signingKey
const RSA_2048 = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }),
  alg: 'RS256',
}

function withKey(...signingKeys: unknown[]) {
  return { tokens: { ...tokens, signingKeys } }
}

describe('createTwinkey refuses, and the message says what to do instead,', () => {
  it.each<[string, unknown, RegExp]>([
    ['no object', null, /must be an object/],
    ['a text', 'postgres://', /must be an object/],
    ['a list', [], /must be an object/],
    ['an option that is not known', { pepperr: 1 }, /cannot have "pepperr", only .*pepper/],
    ['an own __proto__', JSON.parse('{"__proto__":{}}'), /cannot have "__proto__"/],

    ['a store that is null', { store: null }, /store has no method get.*memoryStore\(\)/],
    ['a store that is not made yet', { store: memoryStore }, /^store is a function: call it first/],
    [
      'a store that is not there yet',
      { store: Promise.resolve(memoryStore()) },
      /^store is a Promise: await it first/,
    ],
    ['a store that is a map', { store: new Map() }, /store has no method put.*memoryStore\(\)/],
    [
      'a store without recordUse',
      { store: { ...memoryStore(), recordUse: undefined } },
      /store has no method recordUse/,
    ],
    [
      'a store whose feed is no function',
      { store: { ...memoryStore(), watch: true } },
      /store.*watch/,
    ],

    ['prefixes as a text', { prefixes: 'acme' }, /prefixes must be a list.*\["acme"\]/],
    ['no prefixes', { prefixes: [] }, /at least one/],
    ['prefixes that are null', { prefixes: null }, /prefixes must be a list/],
    ['an empty prefix', { prefixes: [''] }, /must begin with a letter/],
    ['a prefix with a dash', { prefixes: ['acme-live'] }, /must begin with a letter/],
    ['a prefix of 33 characters', { prefixes: ['a'.repeat(33)] }, /1 to 32/],
    ['a prefix that was not filled in', { prefixes: ['$PREFIX'] }, /must begin with a letter/],
    ['a second prefix that is wrong', { prefixes: ['ok', 'é'] }, /must begin with a letter/],

    [
      'environments as a text',
      { environments: 'production' },
      /environments must be a list.*Leave it out/,
    ],
    ['no environments', { environments: [] }, /environments must be a list.*Leave it out/],
    ['environments that are null', { environments: null }, /environments must be a list/],
    ['a star for an environment', { environments: ['*'] }, /cannot contain "\*".*Leave it out/],
    [
      'an environment that was not filled in',
      { environments: ['$NODE_ENV'] },
      /not filled in.*Give the value itself/,
    ],
    [
      'an environment in braces that was not filled in',
      { environments: ['\u0024{NODE_ENV}'] },
      /not filled in/,
    ],
    ['an empty environment', { environments: [''] }, /1 to 128 characters/],
    ['an environment with a line break', { environments: ['a\n'] }, /without control characters/],
    ['an environment that is undefined', { environments: [undefined] }, /1 to 128 characters/],

    ['a pepper as a text', { pepper: 'secret' }, /pepper must be an object/],
    ['a pepper that is null', { pepper: null }, /pepper must be an object/],
    ['a pepper without keys', { pepper: { current: 'a' } }, /\{ current, keys \}/],
    [
      'a pepper whose current is not there',
      { pepper: { current: 'b', keys: { a: bytes(32) } } },
      /must be the name of one of the keys/,
    ],
    [
      'a pepper whose current is inherited',
      { pepper: { current: 'toString', keys: { a: bytes(32) } } },
      /must be the name of one of the keys/,
    ],
    [
      'a pepper as base64',
      { pepper: { current: 'a', keys: { a: 'c2VjcmV0' } } },
      /must be a Uint8Array.*Decode a string.*Buffer\.from/,
    ],
    [
      'a pepper of 31 bytes',
      { pepper: { current: 'a', keys: { a: bytes(31) } } },
      /at least 32 bytes/,
    ],
    [
      'an old pepper of 0 bytes',
      { pepper: { current: 'a', keys: { a: bytes(32), b: bytes(0) } } },
      /at least 32 bytes/,
    ],
    [
      'a pepper name with a colon',
      { pepper: { current: 'a:b', keys: { 'a:b': bytes(32) } } },
      /letters, digits/,
    ],
    [
      'a pepper with an unknown member',
      { pepper: { current: 'a', keys: { a: bytes(32) }, previous: 'b' } },
      /cannot have "previous"/,
    ],

    [
      'an empty issuer',
      { tokens: { ...tokens, issuer: '' } },
      /tokens\.issuer must be a string of 1/,
    ],
    [
      'an issuer that was not filled in',
      { tokens: { ...tokens, issuer: '$ISSUER' } },
      /tokens\.issuer looks like a variable/,
    ],
    ['an issuer as a list', { tokens: { ...tokens, issuer: [ISSUER] } }, /tokens\.issuer/],
    ['an issuer as a pattern', { tokens: { ...tokens, issuer: /.*/ } }, /tokens\.issuer/],
    ['an empty audience', { tokens: { ...tokens, audience: '' } }, /tokens\.audience/],
    [
      'an audience as a pattern',
      { tokens: { ...tokens, audience: /^https:/ } },
      /tokens\.audience/,
    ],
    ['an audience as a list', { tokens: { ...tokens, audience: [AUDIENCE] } }, /tokens\.audience/],
    [
      'tokens with an unknown member',
      { tokens: { ...tokens, secret: 'x' } },
      /cannot have "secret"/,
    ],
    ['tokens that are null', { tokens: null }, /tokens must be an object/],
    [
      'a clock tolerance of 61 s',
      { tokens: { ...tokens, clockToleranceSeconds: 61 } },
      /tokens\.clockToleranceSeconds must be from 0 to 60/,
    ],
    [
      'a negative clock tolerance',
      { tokens: { ...tokens, clockToleranceSeconds: -1 } },
      /from 0 to 60/,
    ],
    [
      'a maximum lifetime of 0 s',
      { tokens: { ...tokens, maxLifetimeSeconds: 0 } },
      /tokens\.maxLifetimeSeconds must be from 1 to 3600/,
    ],
    [
      'a maximum lifetime of 3601 s',
      { tokens: { ...tokens, maxLifetimeSeconds: 3601 } },
      /from 1 to 3600/,
    ],
    [
      'a maximum lifetime of 1.5 s',
      { tokens: { ...tokens, maxLifetimeSeconds: 1.5 } },
      /must be a whole number/,
    ],
    [
      'a maximum lifetime as text',
      { tokens: { ...tokens, maxLifetimeSeconds: '300' } },
      /must be a whole number/,
    ],
    [
      'a clock tolerance of NaN',
      { tokens: { ...tokens, clockToleranceSeconds: Number.NaN } },
      /must be a number/,
    ],
    [
      'a clock tolerance as text',
      { tokens: { ...tokens, clockToleranceSeconds: '30' } },
      /must be a number/,
    ],

    ['no signing keys', withKey(), /at least one.*generateSigningKey\(\)/],
    [
      'a signing key as text',
      withKey('-----BEGIN PRIVATE KEY-----'),
      /must be a JWK object.*Parse JSON text first/,
    ],
    ['a signing key as JSON text', withKey(JSON.stringify(signingKey)), /must be a JWK object/],
    ['a signing key as bytes', withKey(bytes(32)), /must be a JWK object/],
    ['a signing key that is null', withKey(null), /must be a JWK object/],
    [
      'a symmetric key',
      withKey({ kty: 'oct', k: 'A'.repeat(43), alg: 'HS256' }),
      /symmetric.*can also forge.*generateSigningKey/,
    ],
    [
      'a symmetric key that calls itself ES256',
      withKey({ kty: 'oct', k: 'A'.repeat(43), alg: 'ES256' }),
      /symmetric/,
    ],
    ['HS256 on an elliptic key', withKey({ ...signingKey, alg: 'HS256' }), /must have an "alg"/],
    ['alg none', withKey({ ...signingKey, alg: 'none' }), /must have an "alg"/],
    [
      'an RSA key without alg',
      withKey({ ...RSA_2048, alg: undefined }),
      /must have an "alg": .*RS256 or PS256/,
    ],
    ['an RSA key of 1024 bits', withKey({ ...RSA_2048, n: 'A'.repeat(171) }), /at least 2048 bits/],
    [
      'an elliptic key of another curve',
      withKey({ ...signingKey, crv: 'P-384' }),
      /is not a key for ES256/,
    ],
    [
      "an algorithm that is not the key's",
      withKey({ ...signingKey, alg: 'RS256' }),
      /is not a key for RS256/,
    ],
    [
      'a key of X25519',
      withKey({ kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43), alg: 'EdDSA' }),
      /is not a key for EdDSA/,
    ],
    ['a private part that is not base64url', withKey({ ...signingKey, d: 'a+b=' }), /private part/],
    [
      'a private part that was not filled in',
      withKey({ ...signingKey, d: '$KEY' }),
      /private part/,
    ],
    [
      'a first key that is public',
      withKey(publicKey),
      /signingKeys\[0\] must be a private JWK: the first one signs/,
    ],
    ['one key twice', withKey(signingKey, publicKey), /the same key twice/],

    [
      'importedSecrets as one entry',
      { importedSecrets: { algorithm: 'sha-256', minLength: 40, maxLength: 64 } },
      /importedSecrets must be a list/,
    ],
    [
      'imported secrets without an algorithm',
      { importedSecrets: [{ minLength: 40, maxLength: 64 }] },
      /importedSecrets\[0\]\.algorithm must be/,
    ],
    [
      'imported secrets with md5',
      { importedSecrets: [{ algorithm: 'md5', minLength: 40, maxLength: 64 }] },
      /algorithm must be 'sha-256'/,
    ],
    [
      'imported secrets that are short',
      { importedSecrets: [{ algorithm: 'sha-256', minLength: 8, maxLength: 64 }] },
      /minLength must be from 16/,
    ],
    [
      'imported secrets whose maxLength is below minLength',
      { importedSecrets: [{ algorithm: 'sha-256', minLength: 64, maxLength: 40 }] },
      /maxLength must be from 64/,
    ],
    [
      'imported secrets that are too long',
      { importedSecrets: [{ algorithm: 'sha-256', minLength: 40, maxLength: 257 }] },
      /to 256/,
    ],
    [
      'imported secrets without their pepper',
      { importedSecrets: [{ algorithm: 'hmac-sha-256', minLength: 40, maxLength: 64 }] },
      /must name one of pepper\.keys/,
    ],
    [
      'imported secrets with an unknown member',
      { importedSecrets: [{ algorithm: 'sha-256', minLength: 40, maxLength: 64, salt: '' }] },
      /cannot have "salt"/,
    ],

    [
      'an ownerScope that is a scope',
      { ownerScope: { tenants: '*' } },
      /ownerScope must be a function/,
    ],
    ['an ownerScope that is null', { ownerScope: null }, /ownerScope must be a function/],
    ['an onEvent that is a name', { onEvent: 'log' }, /onEvent must be a function/],
    ['a clock that is a time', { now: 5 }, /now must be a function/],

    ['a cache as a number', { cache: 5 }, /cache must be an object/],
    ['a cache with an unknown member', { cache: { ttl: 5 } }, /cannot have "ttl".*maxAgeSeconds/],
    ['a cache of 0 keys', { cache: { maxKeys: 0 } }, /cache\.maxKeys must be from 1/],
    [
      'a cache of one and a half keys',
      { cache: { maxKeys: 1.5 } },
      /cache\.maxKeys must be a whole number/,
    ],
    ['a cache of NaN keys', { cache: { maxKeys: Number.NaN } }, /cache\.maxKeys must be a/],
    [
      'a cache without end',
      { cache: { maxAgeSeconds: Number.POSITIVE_INFINITY } },
      /cache\.maxAgeSeconds must be a/,
    ],
    [
      'a cache of a negative age',
      { cache: { maxAgeSeconds: -1 } },
      /cache\.maxAgeSeconds must be from 0/,
    ],
    ['a cache of an age as text', { cache: { maxAgeSeconds: '5' } }, /must be a number/],
    ['a cache of a day', { cache: { maxAgeSeconds: 86_400 } }, /from 0 to 3600/],

    ['a deadline of 0', { deadlineSeconds: 0 }, /deadlineSeconds must be from/],
    ['a deadline of 61 s', { deadlineSeconds: 61 }, /to 60/],
    ['no deadline', { deadlineSeconds: Number.POSITIVE_INFINITY }, /deadlineSeconds must be a/],
    ['a deadline as text', { deadlineSeconds: '2' }, /deadlineSeconds must be a number/],
  ])('%s', (_, options, sentence) => {
    const make = () => createTwinkey(options as TwinkeyOptions)
    expect(make).toThrow(sentence)
    try {
      make()
    } catch (error) {
      expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
      // The message does not repeat a secret in the wrong place.
      for (const secret of [signingKey.d as string, '-----BEGIN', 'c2VjcmV0'])
        expect((error as Error).message).not.toContain(secret)
    }
  })
})

describe('createTwinkey accepts', () => {
  it.each<[string, TwinkeyOptions | undefined]>([
    ['nothing', undefined],
    ['an empty object', {}],
    [
      'undefined for everything',
      {
        store: undefined,
        prefixes: undefined,
        environments: undefined,
        pepper: undefined,
        tokens: undefined,
        ownerScope: undefined,
        cache: undefined,
        deadlineSeconds: undefined,
        onEvent: undefined,
        now: undefined,
      },
    ],
    [
      'the bounds',
      {
        cache: { maxKeys: 1, maxAgeSeconds: 0 },
        deadlineSeconds: 60,
        tokens: { ...tokens, clockToleranceSeconds: 0 },
      },
    ],
    [
      'the other bounds',
      {
        cache: { maxAgeSeconds: 3600 },
        deadlineSeconds: 0.001,
        tokens: { ...tokens, clockToleranceSeconds: 60 },
      },
    ],
    [
      'a retired public key behind the first',
      { tokens: { ...tokens, signingKeys: [signingKey, { ...RSA_2048 }] } },
    ],
    [
      'a key without alg where there is only one that it can be',
      { tokens: { ...tokens, signingKeys: [{ ...signingKey, alg: undefined as never }] } },
    ],
    ['one prefix twice', { prefixes: ['a', 'a'] }],
    [
      'a store that is an object of a class',
      { store: Object.assign(Object.create(memoryStore()), {}) },
    ],
  ])('%s', async (_, options) => {
    const twinkey = createTwinkey(options)
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    expect((await twinkey.keys.verify(primary)).ok).toBe(true)
    await twinkey.close()
  })

  it('a pepper of any name that it does not refuse, and verifies its secrets', async () => {
    for (const name of ['2026a', '0', '__proto__', 'constructor', '-', 'p'.repeat(32)]) {
      const keys = JSON.parse(`{"${name}":0}`) as Record<string, Uint8Array>
      Object.defineProperty(keys, name, { value: bytes(32), enumerable: true })
      let twinkey: ReturnType<typeof createTwinkey>
      try {
        twinkey = createTwinkey({ pepper: { current: name, keys } })
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        continue
      }
      const { primary } = await twinkey.keys.create({
        name: 'n',
        scope: { tenants: ['t'], workflows: '*' },
      })
      expect((await twinkey.keys.verify(primary)).ok).toBe(true)
    }
  })

  it('options that change afterwards, because it copies them', async () => {
    const key = bytes(32)
    const [prefixes, environments] = [['acme'], ['production']]
    const twinkey = createTwinkey({
      prefixes,
      environments,
      pepper: { current: 'a', keys: { a: key } },
    })
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    key.fill(0)
    prefixes[0] = 'evil'
    environments.push('test')
    expect((await twinkey.keys.verify(primary)).ok).toBe(true)
    const next = await twinkey.keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } })
    expect([next.primary.slice(0, 5), next.key.scope.environments]).toEqual([
      'acme_',
      ['production'],
    ])
  })

  it.each([
    [{ maxLifetimeSeconds: 600 }, 'twinkey', 'twinkey'],
    [{ issuer: ISSUER }, ISSUER, 'twinkey'],
    [{ audience: AUDIENCE }, 'twinkey', AUDIENCE],
  ])(
    'tokens without an issuer or an audience, and uses the defaults: %j',
    async (tokens, iss, aud) => {
      const twinkey = createTwinkey({ tokens })
      const { primary } = await twinkey.keys.create({
        name: 'n',
        scope: { tenants: ['t'], workflows: '*' },
      })
      const issued = await twinkey.tokens.issue(primary)
      if (!issued.ok) throw new Error(issued.refusal.code)
      expect(
        JSON.parse(Buffer.from(issued.token.split('.')[1] as string, 'base64url').toString()),
      ).toMatchObject({ iss, aud })
      expect(await twinkey.tokens.verify(issued.token)).toMatchObject({ ok: true })
    },
  )

  it('several prefixes: new secrets get the first, and all of them verify', async () => {
    const store = memoryStore()
    const { primary } = await createTwinkey({ store, prefixes: ['old'] }).keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const both = createTwinkey({ store, prefixes: ['new', 'old'] })
    expect((await both.keys.verify(primary)).ok).toBe(true)
    expect(
      (
        await both.keys.create({ name: 'n', scope: { tenants: ['t'], workflows: '*' } })
      ).primary.startsWith('new_'),
    ).toBe(true)
    expect((await createTwinkey({ store, prefixes: ['new'] }).keys.verify(primary)).ok).toBe(false)
  })
})
