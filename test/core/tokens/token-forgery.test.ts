import { generateSigningKey } from 'twinkey'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { AUDIENCE, type Bench, createBench, ISSUER } from '../../support/bench.ts'
import { base64url, claimsFor, decoded, forge } from '../../support/forge.ts'
import { codeOf, verdict } from '../../support/sent.ts'

const other = await generateSigningKey()
let bench: Bench
let header: Record<string, unknown>
let claims: Record<string, unknown>
let token: string

beforeEach(async () => {
  bench = createBench()
  const { key, primary } = await bench.twinkey.keys.create({
    name: 'n',
    scope: { tenants: ['t'], workflows: '*' },
  })
  const issued = await bench.twinkey.tokens.issue(primary)
  token = issued.ok ? issued.token : ''
  header = decoded(token).header
  claims = claimsFor(key.id, key.primary.id, bench.clock.now() / 1000)
})

const seconds = () => bench.clock.now() / 1000

async function expectRefused(text: string): Promise<void> {
  expect(await verdict(bench.twinkey, text)).toBe('credential_invalid')
  expect(codeOf(await bench.twinkey.tokens.verify(text))).toBe('credential_invalid')
}

describe('a forged token', () => {
  // Without this test, the refusals below could have another reason than the forged part.
  it('is accepted if nothing about it is wrong', async () => {
    expect(await verdict(bench.twinkey, forge({ header, payload: claims }))).toBe('let in')
    expect(await verdict(bench.twinkey, token)).toBe('let in')
  })

  it.each<[string, (good: Record<string, unknown>) => Record<string, unknown> | string]>([
    ['alg none', (good) => ({ ...good, alg: 'none' })],
    ['alg None', (good) => ({ ...good, alg: 'None' })],
    ['alg HS256', (good) => ({ ...good, alg: 'HS256' })],
    ['alg ES384', (good) => ({ ...good, alg: 'ES384' })],
    ['alg EdDSA', (good) => ({ ...good, alg: 'EdDSA' })],
    ['alg in another case', (good) => ({ ...good, alg: 'es256' })],
    ['alg as a list', (good) => ({ ...good, alg: ['ES256'] })],
    ['no alg', ({ alg: _alg, ...good }) => good],
    ['typ JWT', (good) => ({ ...good, typ: 'JWT' })],
    ['typ as a list', (good) => ({ ...good, typ: ['at+jwt'] })],
    ['typ with a space', (good) => ({ ...good, typ: 'at+jwt ' })],
    ['typ with a Kelvin sign for another letter', (good) => ({ ...good, typ: 'at+\u212awt' })],
    ['no typ', ({ typ: _typ, ...good }) => good],
    ['no kid', ({ kid: _kid, ...good }) => good],
    ['an unknown kid', (good) => ({ ...good, kid: 'A'.repeat(43) })],
    ['a kid that objects inherit', (good) => ({ ...good, kid: '__proto__' })],
    ['a kid as a list', (good) => ({ ...good, kid: [good['kid']] })],
    ['a kid as a path', (good) => ({ ...good, kid: '../../dev/null' })],
    ['a kid of 65 characters', (good) => ({ ...good, kid: 'A'.repeat(65) })],
    ['a kid with a quote', (good) => ({ ...good, kid: "' OR ''='" })],
    ['jwk', (good) => ({ ...good, jwk: other })],
    ['jku', (good) => ({ ...good, jku: 'https://evil.example/jwks.json' })],
    ['x5u', (good) => ({ ...good, x5u: 'https://evil.example/x.pem' })],
    ['x5c', (good) => ({ ...good, x5c: ['MIIB'] })],
    ['x5t', (good) => ({ ...good, x5t: 'AAAA' })],
    ['crit', (good) => ({ ...good, crit: ['exp'], exp: 1 })],
    ['an empty crit', (good) => ({ ...good, crit: [] })],
    ['crit of b64', (good) => ({ ...good, crit: ['b64'], b64: true })],
    ['b64', (good) => ({ ...good, b64: false })],
    ['enc', (good) => ({ ...good, enc: 'A256GCM' })],
    ['zip', (good) => ({ ...good, zip: 'DEF' })],
    ['cty', (good) => ({ ...good, cty: 'JWT' })],
    ['nothing', () => ({})],
    ['a list', () => '[]'],
    ['null', () => 'null'],
    ['a text', () => '"at+jwt"'],
    ['a member twice', (good) => JSON.stringify(good).replace('{', '{"alg":"none",')],
    ['whitespace', (good) => ` ${JSON.stringify(good)}`],
    ['an own __proto__', (good) => JSON.stringify(good).replace('{', '{"__proto__":{},')],
    ['a byte order mark', (good) => `\ufeff${JSON.stringify(good)}`],
  ])('is refused for its header, without a fetch: %s', async (_, change) => {
    const fetched = vi.spyOn(globalThis, 'fetch')
    await expectRefused(forge({ header: change(header), payload: claims }))
    expect(fetched).not.toHaveBeenCalled()
    fetched.mockRestore()
  })

  it.each(['AT+JWT', 'application/at+jwt', 'Application/At+JWT'])(
    'may have the type %s',
    async (typ) => {
      expect(
        await verdict(bench.twinkey, forge({ header: { ...header, typ }, payload: claims })),
      ).toBe('let in')
    },
  )

  const lacking = [
    'iss',
    'aud',
    'sub',
    'client_id',
    'secret_id',
    'jti',
    'iat',
    'exp',
    'scope',
    'tenants',
    'environments',
    'workflows',
  ]

  it.each(lacking)('is refused without %s', async (name) => {
    const { [name]: _claim, ...payload } = claims
    await expectRefused(forge({ header, payload }))
  })

  it.each(
    lacking.flatMap((name) =>
      [null, true, 7.5, {}, [7], [[]], ''].map((value): [string, unknown] => [name, value]),
    ),
  )('is refused with %s of %j', async (name, value) => {
    // An empty scope string only says that the token reaches nothing.
    if (name === 'scope' && value === '')
      return expect(
        codeOf(await bench.twinkey.tokens.verify(forge({ header, payload: claims }))),
      ).toBe('let in')
    await expectRefused(forge({ header, payload: { ...claims, [name]: value } }))
  })

  it.each<[string, () => Record<string, unknown>]>([
    ['iss of another', () => ({ iss: 'https://evil.example' })],
    ['iss with a slash more', () => ({ iss: `${ISSUER}/` })],
    ['iss in another case', () => ({ iss: ISSUER.toUpperCase() })],
    ['iss as a list', () => ({ iss: [ISSUER] })],
    ['aud of another', () => ({ aud: 'https://evil.example' })],
    ['aud as a list without us', () => ({ aud: ['https://evil.example'] })],
    ['aud as a list with a number', () => ({ aud: [1, AUDIENCE] })],
    ['aud as an empty list', () => ({ aud: [] })],
    ['exp in the past', () => ({ exp: seconds() - 1, iat: seconds() - 60 })],
    ['exp now', () => ({ exp: seconds(), iat: seconds() - 60 })],
    ['exp as text', () => ({ exp: `${seconds() + 60}` })],
    ['exp in milliseconds', () => ({ exp: (seconds() + 60) * 1000 })],
    ['exp a second too far', () => ({ exp: seconds() + 3601 })],
    ['exp not after iat', () => ({ exp: seconds() + 10, iat: seconds() + 10 })],
    ['exp with a fraction', () => ({ exp: seconds() + 60.5 })],
    ['exp negative', () => ({ exp: -1 })],
    ['exp unsafe', () => ({ exp: 2 ** 60 })],
    [
      'iat further in the future than the skew',
      () => ({ iat: seconds() + 31, exp: seconds() + 600 }),
    ],
    ['iat 0', () => ({ iat: 0 })],
    ['iat negative', () => ({ iat: -5 })],
    ['nbf further in the future than the skew', () => ({ nbf: seconds() + 31 })],
    ['nbf as text', () => ({ nbf: '1' })],
    ['nbf null', () => ({ nbf: null })],
    ['an owner, and another sub than the key', () => ({ owner: 'ada', sub: 'ada' })],
    ['an owner that is null', () => ({ owner: null })],
    ['an owner that is empty', () => ({ owner: '' })],
    ['an owner that is no text', () => ({ owner: 7 })],
    ['another key', () => ({ client_id: 'nosuchkey0000000' })],
    ['another secret', () => ({ secret_id: 'nosuchsecret0000' })],
    ['a secret id that objects inherit', () => ({ secret_id: 'constructor' })],
    ['tenants with a star among names', () => ({ tenants: ['t', '*'] })],
    ['tenants as one name', () => ({ tenants: 't' })],
    ['tenants with a name twice', () => ({ tenants: ['t', 't'] })],
    ['workflows with an empty name', () => ({ workflows: [''] })],
    [
      'environments of 65 names',
      () => ({ environments: Array.from({ length: 65 }, (_, i) => `${i}`) }),
    ],
  ])('is refused with %s', async (_, change) => {
    await expectRefused(forge({ header, payload: { ...claims, ...change() } }))
  })

  it.each<[string, () => Record<string, unknown>]>([
    ['iat ahead by the clock tolerance', () => ({ iat: seconds() + 30 })],
    ['nbf ahead by the clock tolerance', () => ({ nbf: seconds() + 30 })],
    [
      'aud as a list that contains the audience',
      () => ({ aud: ['https://other.example', AUDIENCE] }),
    ],
    ['an unknown claim', () => ({ roles: ['admin'] })],
    ['the owner in sub, as the pre-release issued it', () => ({ sub: 'ada' })],
  ])('is accepted with %s', async (_, change) => {
    expect(
      await verdict(bench.twinkey, forge({ header, payload: { ...claims, ...change() } })),
    ).toBe('let in')
  })

  it('is refused with exp as 1e400, a repeated member, claims through __proto__, or a payload that is not an object', async () => {
    const text = JSON.stringify(claims)
    const payloads = [
      text.replace(/"exp":\d+/, '"exp":1e400'),
      text.replace('{', '{"sub":"root",'),
      text.replace('{', '{"__proto__":{"tenants":"*"},').replace('"tenants":["t"],', ''),
      `${text} `,
      `[${text}]`,
      'null',
      '',
    ]
    for (const payload of payloads) await expectRefused(forge({ header, payload }))
  })

  it('never has a wider scope than its key, even if its claims say so', async () => {
    const wide = forge({ header, payload: { ...claims, tenants: '*', scope: 'tenant:*' } })
    expect(await bench.twinkey.tokens.verify(wide)).toMatchObject({
      ok: true,
      scope: { tenants: ['t'] },
    })
  })

  it('is refused if another key signed it, even if its header names that key', async () => {
    await expectRefused(forge({ header, payload: claims, key: other }))
    const { d: _private, ...jwk } = other
    await expectRefused(forge({ header: { ...header, jwk }, payload: claims, key: other }))
  })
})

describe('another spelling of a token', () => {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

  it('is refused: padding, whitespace, another alphabet, empty or extra parts', async () => {
    const [head, body, signature] = token.split('.') as [string, string, string]
    const texts = [
      `${token}=`,
      `${head}=.${body}.${signature}`,
      `${head}.${body}==.${signature}`,
      ` ${token}`,
      `${token} `,
      `${token}\n`,
      `${head} .${body}.${signature}`,
      `${head}.${body}\t.${signature}`,
      `${token}.`,
      `.${token}`,
      `${token}.${signature}`,
      `${head}.${body}`,
      `${head}.${body}.`,
      `${head}..${signature}`,
      `..`,
      `${head}.${body}.${signature}A`,
      `${head}.${body}.${signature.slice(0, -1)}`,
      `${head}.${body}.${Buffer.from(signature, 'base64url').toString('base64')}`,
      `${head}.${body}.${base64url(`${signature}`)}`,
      `Bearer ${token}`,
      token.replace('.', '%2E'),
      token.toLowerCase(),
      'x'.repeat(9000),
      `${head}.${'A'.repeat(8192)}.${signature}`,
    ]
    for (const text of texts)
      expect(codeOf(await bench.twinkey.tokens.verify(text))).toBe('credential_invalid')
  })

  it('is refused in the unused bits of base64url', async () => {
    const segments = token.split('.')
    let variants = 0
    for (const [index, segment] of segments.entries()) {
      const last = ALPHABET.indexOf(segment.at(-1) as string)
      const unused = segment.length % 4 === 2 ? 16 : segment.length % 4 === 3 ? 4 : 1
      for (let bits = 1; bits < unused; bits++) {
        const changed = segments.with(index, segment.slice(0, -1) + ALPHABET[last + bits])
        expect(Buffer.from(changed[index] as string, 'base64url')).toEqual(
          Buffer.from(segment, 'base64url'),
        )
        expect(codeOf(await bench.twinkey.tokens.verify(changed.join('.')))).toBe(
          'credential_invalid',
        )
        variants++
      }
    }
    // The 64 bytes of the signature alone leave four bits unused.
    expect(variants).toBeGreaterThanOrEqual(15)
  })

  it('that ECDSA allows ends with the secret, too, because no state depends on the text', async () => {
    const [head, body, signature] = token.split('.') as [string, string, string]
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const bytes = Buffer.from(signature, 'base64url')
    const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
    const twin = Buffer.concat([
      bytes.subarray(0, 32),
      Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex'),
    ])
    const spelled = `${head}.${body}.${twin.toString('base64url')}`
    expect(await verdict(bench.twinkey, spelled)).toBe('let in')
    await bench.twinkey.keys.revoke(String(claims['client_id']))
    expect([await verdict(bench.twinkey, token), await verdict(bench.twinkey, spelled)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
  })
})

it.each(['RS256', 'PS256'] as const)(
  'a signature of %s without its leading zeros is refused',
  async (algorithm) => {
    const rsa = await generateSigningKey(algorithm)
    const { twinkey, clock } = createBench({
      tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [rsa] },
    })
    const { key, primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const issued = await twinkey.tokens.issue(primary)
    const { header } = decoded(issued.ok ? issued.token : '')
    const good = claimsFor(key.id, key.primary.id, clock.now() / 1000)
    // One signature in 256 begins with a zero.
    let text = ''
    let signature = Buffer.alloc(1, 1)
    for (let tries = 0; signature[0] !== 0 && tries < 10_000; tries++) {
      text = forge({ header, payload: { ...good, jti: `try${tries}` }, key: rsa })
      signature = Buffer.from(text.slice(text.lastIndexOf('.') + 1), 'base64url')
    }
    const cut = text.slice(0, text.lastIndexOf('.') + 1) + base64url(signature.subarray(1))
    expect(signature[0]).toBe(0)
    expect([
      codeOf(await twinkey.tokens.verify(text)),
      codeOf(await twinkey.tokens.verify(cut)),
    ]).toEqual(['let in', 'credential_invalid'])
  },
)

it('a key whose modulus has leading zeros verifies its own tokens', async () => {
  const { kid: _kid, ...rsa } = await generateSigningKey('PS256')
  const n = base64url(Buffer.concat([Buffer.alloc(1), Buffer.from(String(rsa.n), 'base64url')]))
  const { twinkey } = createBench({
    tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys: [{ ...rsa, n }] },
  })
  const { primary } = await twinkey.keys.create({
    name: 'n',
    scope: { tenants: ['t'], workflows: '*' },
  })
  const issued = await twinkey.tokens.issue(primary)
  expect(codeOf(await twinkey.tokens.verify(issued.ok ? issued.token : ''))).toBe('let in')
})
