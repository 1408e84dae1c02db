import { inspect } from 'node:util'
import type { JWK } from 'jose'
import { generateSigningKey, type TwinkeyEvent } from 'twinkey'
import { createVerifier, type VerifierOptions } from 'twinkey/verifier'
import { describe, expect, it } from 'vitest'
import { readSigningKey } from '../../src/core/tokens/signing-key.ts'
import { AUDIENCE, createBench, ISSUER } from '../support/bench.ts'

const secret = await generateSigningKey()
const key = readSigningKey(secret, 'key').publicJwk
const good = { jwks: { keys: [key] }, issuer: ISSUER, audience: AUDIENCE }

/** The name of the error that createVerifier throws, or `'nothing'`. */
function thrown(options: unknown): string {
  try {
    createVerifier(options as VerifierOptions)
    return 'nothing'
  } catch (error) {
    if (!(error instanceof Error)) throw error
    expect(error.message.length).toBeGreaterThan(10)
    return error.name
  }
}

const withOption = (
  name: string,
  values: readonly unknown[],
  error: string,
): [string, unknown, string][] => {
  return values.map((value) => [`${name}: ${inspect(value)}`, { ...good, [name]: value }, error])
}

describe('createVerifier throws at once for', () => {
  it.each<[string, unknown, string]>([
    ['no options', undefined, 'TypeError'],
    ['options of null', null, 'TypeError'],
    ['options as a text', 'https://api.example', 'TypeError'],
    ['options in a list', [good], 'TypeError'],
    ['a misspelt option', { ...good, environment: ['prod'] }, 'TypeError'],
    ['the option of another library', { ...good, algorithms: ['none'] }, 'TypeError'],
    ...withOption(
      'issuer',
      [undefined, null, '', 1, ['x'], /x/, '$ISSUER', 'a\nb', 'a\u0000', '\ud800', 'x'.repeat(129)],
      'TypeError',
    ),
    ...withOption(
      'audience',
      [undefined, null, '', 1, [AUDIENCE], /x/, '$AUDIENCE', 'a\tb', 'x'.repeat(129)],
      'TypeError',
    ),
    ...withOption('environments', [null, [], 'prod', {}, [1], [''], ['$ENV'], [null]], 'TypeError'),
    ...withOption('environments', [['*'], ['prod', '*']], 'RangeError'),
    ...withOption(
      'clockToleranceSeconds',
      [null, '30', Number.NaN, Number.POSITIVE_INFINITY, [30], true],
      'TypeError',
    ),
    ...withOption('clockToleranceSeconds', [-1, 61, 3600, -0.001], 'RangeError'),
    ...withOption(
      'deadlineSeconds',
      [null, '2', Number.NaN, Number.POSITIVE_INFINITY],
      'TypeError',
    ),
    ...withOption('deadlineSeconds', [0, -1, 61, 0.0001], 'RangeError'),
    ...withOption('onEvent', [null, 'log', {}, 1], 'TypeError'),
    ...withOption('now', [null, 0, 'now', {}], 'TypeError'),
    ...withOption(
      'now',
      [() => Number.NaN, () => 0, () => -1, () => '1', () => new Date(), () => undefined],
      'TypeError',
    ),
  ])('%s', (_name, options, error) => {
    expect(thrown(options)).toBe(error)
  })

  it('nothing, if the options are valid', () => {
    const more = {
      environments: ['prod'],
      clockToleranceSeconds: 0,
      deadlineSeconds: 60,
      onEvent: () => {},
      now: () => 1,
    }
    for (const options of [
      good,
      { ...good, ...more },
      { ...good, clockToleranceSeconds: 60, deadlineSeconds: 0.001, environments: undefined },
    ]) {
      expect(thrown(options)).toBe('nothing')
    }
  })
})

describe('the `jwks` option', () => {
  it.each([
    'https://api.example/tokens/jwks.json',
    'https://api.example',
    'https://127.0.0.1:8443/x?y=z',
    'http://localhost/jwks.json',
    'http://localhost:3000/jwks.json',
    'http://LOCALHOST:3000',
    'http://127.0.0.1:3000/jwks.json',
    'http://[::1]:3000/jwks.json',
  ])('may be %s', (url) => {
    expect([thrown({ ...good, jwks: url }), thrown({ ...good, jwks: new URL(url) })]).toEqual([
      'nothing',
      'nothing',
    ])
  })

  it.each([
    'http://api.example/jwks.json',
    'http://localhost.evil.example/jwks.json',
    'http://127.0.0.1.evil.example/jwks.json',
    'http://evil-localhost/jwks.json',
    'http://evil.localhost/jwks.json',
    'http://127.0.0.1@evil.example/jwks.json',
    'http://evil.example/#localhost',
    'http://evil.example\\@localhost',
    'http://0.0.0.0/jwks.json',
    'http://10.0.0.1/jwks.json',
    'http://[::ffff:10.0.0.1]/jwks.json',
    'ftp://localhost/jwks.json',
    'file:///etc/jwks.json',
    'data:application/json,{"keys":[]}',
    'blob:https://api.example/x',
    'javascript:0',
    'ws://localhost',
    '/tokens/jwks.json',
    'api.example/jwks.json',
    'localhost:3000',
    '',
    'https://',
  ])('may not be %s', (url) => {
    expect(thrown({ ...good, jwks: url })).toBe('TypeError')
    if (URL.canParse(url)) expect(thrown({ ...good, jwks: new URL(url) })).toBe('TypeError')
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['a key', key],
    ['a list of keys', [key]],
    ['a list of URLs', ['https://api.example/jwks.json']],
    ['a promise', Promise.resolve({ keys: [key] })],
    ['a set without keys', {}],
    ['a set of text', { keys: JSON.stringify([key]) }],
    ['a set of null', { keys: null }],
    ['a set by name', { keys: { a: key } }],
    ['a set of 101 keys', { keys: Array(101).fill(key) }],
    ['a set as text', JSON.stringify({ keys: [key] })],
  ])('may not be %s', (_name, jwks) => {
    expect(thrown({ ...good, jwks })).toBe('TypeError')
  })

  it.each<[string, unknown]>([
    ['empty', { keys: [] }],
    ['of a symmetric key', { keys: [{ kty: 'oct', k: 'AAAA', alg: 'HS256' }] }],
    ['of no keys at all', { keys: [null, 1, 'x', {}] }],
  ])('may not be a set without a usable key: one that is %s', (_name, jwks) => {
    expect(thrown({ ...good, jwks })).toBe('TypeError')
  })

  it('may not contain a private key, and the message does not repeat it', () => {
    const message =
      'jwks contains a private key, which can sign tokens. Pass public keys only, as tokens.jwks() returns them.'
    for (const keys of [[secret], [key, secret], [null, { ...secret, use: 'enc' }]]) {
      expect(() => createVerifier({ ...good, jwks: { keys: keys as JWK[] } })).toThrow(
        new TypeError(message),
      )
    }
  })

  it('may be plain http on this machine only, and the message names the alternative', () => {
    for (const jwks of ['http://issuer:3000/jwks.json', 'api.example/jwks.json']) {
      expect(() => createVerifier({ ...good, jwks })).toThrow(
        'jwks must be an https URL (http only for this machine), a JWK set { keys }, or a function that loads one. ',
      )
    }
  })

  it('may not be a URL with a password, because fetch rejects it, and the message does not repeat it', async () => {
    const events: TwinkeyEvent[] = []
    const messages: string[] = []
    for (const jwks of [
      'https://name:pass-word@127.0.0.1:1/jwks.json',
      'https://name@127.0.0.1:1/jwks.json',
      'https://:pass-word@127.0.0.1:1/jwks.json',
    ]) {
      try {
        const { twinkey } = createBench()
        const { primary } = await twinkey.keys.create({
          name: 'n',
          scope: { tenants: ['t'], workflows: '*' },
        })
        const issued = await twinkey.tokens.issue(primary)
        await createVerifier({ ...good, jwks, onEvent: (event) => events.push(event) }).verify(
          issued.ok ? issued.token : '',
        )
      } catch (error) {
        messages.push(inspect(error))
      }
    }
    expect(inspect([events, messages], { depth: 20 })).not.toContain('pass-word')
    expect(messages.map((message) => message.split(':')[0])).toEqual([
      'TypeError',
      'TypeError',
      'TypeError',
    ])
  })
})
