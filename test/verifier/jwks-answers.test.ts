import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { JWK } from 'jose'
import { generateSigningKey } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readSigningKey } from '../../src/core/tokens/signing-key.ts'
import { remoteKeys } from '../../src/verifier/remote-keys.ts'
import { createSource, type Source } from '../security/forge-source.ts'
import { createClock } from '../support/clock.ts'
import { errorCodeOf } from '../support/faults.ts'
import { createGate } from '../support/gate.ts'

const secret = await generateSigningKey()
const good = readSigningKey(secret, 'key').publicJwk
const kid = String(good.kid)
const other = readSigningKey(await generateSigningKey('EdDSA'), 'key').publicJwk
const set = JSON.stringify({ keys: [good] })

let source: Source
let elsewhere: Source
beforeAll(async () => {
  source = await createSource({})
  elsewhere = await createSource({ keys: [good] })
})
afterAll(() => Promise.all([source.close(), elsewhere.close()]))

const find = (name = kid, deadline = 2000) =>
  remoteKeys(source.url, deadline, createClock().now, () => {}).find(name)
const answer = (status: number, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  source.answer(
    (_request, response) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body),
  )

describe('an invalid answer of a JWKS URL is jwks_unavailable:', () => {
  it.each<[string, number, string | Uint8Array]>([
    ['404, with a set', 404, set],
    ['500, with a set', 500, set],
    ['201, with a set', 201, set],
    ['203, with a set', 203, set],
    ['204', 204, ''],
    ['304', 304, ''],
    ['nothing', 200, ''],
    ['HTML', 200, '<!doctype html><title>Sign in</title>'],
    ['JSON that is cut short', 200, set.slice(0, -1)],
    ['JSON with more after it', 200, `${set}${set}`],
    ['bytes', 200, randomBytes(1000)],
    ['null', 200, 'null'],
    ['a text', 200, '"keys"'],
    ['a list of keys', 200, JSON.stringify([good])],
    ['a key', 200, JSON.stringify(good)],
    ['no keys', 200, '{}'],
    ['keys of null', 200, '{"keys":null}'],
    ['keys as a text', 200, JSON.stringify({ keys: 'key' })],
    ['keys by name', 200, JSON.stringify({ keys: { [kid]: good } })],
    ['keys that only look like a list', 200, JSON.stringify({ keys: { 0: good, length: 1 } })],
    ['keys by way of __proto__', 200, `{"__proto__":${set}}`],
    ['101 keys', 200, JSON.stringify({ keys: Array(101).fill(good) })],
    ['300 KB of keys', 200, JSON.stringify({ keys: [good, { x: 'a'.repeat(300_000) }] })],
    ['300 KB of spaces', 200, set + ' '.repeat(300_000)],
  ])('%s', async (_name, status, body) => {
    answer(status, body)
    expect(await errorCodeOf(() => find())).toBe('jwks_unavailable')
  })

  it.each([301, 302, 303, 307, 308])('a redirect is not followed: %i', async (status) => {
    answer(status, set, { location: elsewhere.url })
    expect(await errorCodeOf(() => find())).toBe('jwks_unavailable')
    expect(elsewhere.requests()).toBe(0)
  })

  it('a truncated answer, or a closed connection', async () => {
    const cut: ((response: ServerResponse) => void)[] = [
      (response) => {
        response.writeHead(200, { 'content-length': String(set.length + 1) })
        response.write(set, () => response.destroy())
      },
      (response) => response.destroy(),
    ]
    for (const each of cut) {
      source.answer((_request, response) => each(response))
      expect(await errorCodeOf(() => find())).toBe('jwks_unavailable')
    }
  })

  it('but the keys of an earlier valid set stay in use', async () => {
    const clock = createClock()
    const keys = remoteKeys(source.url, 2000, clock.now, () => {})
    source.answer({ keys: [good] })
    expect(await keys.find(kid)).toBeDefined()
    for (const body of ['', 'null', '{"keys":null}', '<html>']) {
      answer(200, body)
      clock.advance(300_000)
      expect(await keys.find(kid)).toBeDefined()
    }
  })
})

describe('the reason why the keys are unavailable', () => {
  it.each<[string, number, string, string]>([
    ['the status', 404, set, 'the response has status 404'],
    ['the maximum length', 200, ' '.repeat(300_000), 'the response has more than 262144 bytes'],
    ['the form of a set', 200, '[]', 'a JWK set must be an object with at most 100 keys'],
  ])(
    'is in the message of the error and in its direct cause: %s',
    async (_name, status, body, why) => {
      answer(status, body)
      const fault: unknown = await find().catch((error: unknown) => error)
      expect(fault).toMatchObject({
        code: 'jwks_unavailable',
        message: `The JWK set could not be loaded from ${source.url}: ${why}`,
        cause: { message: why },
      })
    },
  )
})

it('an answer may have up to 256 KiB', async () => {
  answer(200, set + ' '.repeat(256 * 1024 - set.length))
  expect(await find()).toBeDefined()
})

it('an answer with another status than 200 is not read to its end', async () => {
  const closed = createGate()
  source.answer((_request, response) => {
    response.on('close', closed.open)
    response.writeHead(404).write('<html>')
  })
  const start = performance.now()
  expect(await errorCodeOf(() => find(kid, 30_000))).toBe('jwks_unavailable')
  await closed.opened
  expect(performance.now() - start).toBeLessThan(20_000)
})

it('a request that never settles, because its host has ended it, is given up at the deadline and repeated', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const clock = createClock()
    let calls = 0
    const get = () =>
      ++calls === 1 ? new Promise<never>(() => {}) : Promise.resolve({ keys: [good] })
    const keys = remoteKeys(get, 2000, clock.now, () => {})
    void keys.find(kid)
    // The host has also removed the timer of the request.
    vi.clearAllTimers()
    const beside = errorCodeOf(keys.find(kid))
    await vi.advanceTimersByTimeAsync(2000)
    expect(await beside).toBe('jwks_unavailable')
    clock.advance(4000)
    expect([(await keys.find(kid))?.algorithm, calls]).toEqual(['ES256', 2])
  } finally {
    vi.useRealTimers()
  }
})

describe('an endless answer', () => {
  /**
   * The bytes that the server can send before the connection closes or the deadline of five seconds
   * ends it.
   */
  async function sent(
    write: (response: ServerResponse, sent: (bytes: number) => void) => void,
  ): Promise<{ bytes: number; seconds: number }> {
    let bytes = 0
    source.answer((_request, response) => write(response, (more) => (bytes += more)))
    const start = performance.now()
    expect(await errorCodeOf(() => find(kid, 5000))).toBe('jwks_unavailable')
    return { bytes, seconds: (performance.now() - start) / 1000 }
  }

  it('is read up to the maximum length of a set', async () => {
    const chunk = Buffer.alloc(64 * 1024, ' ')
    const { bytes, seconds } = await sent((response, count) => {
      const more = () => {
        if (response.destroyed) return
        count(chunk.length)
        if (response.write(chunk)) setImmediate(more)
        else response.once('drain', more)
      }
      more()
    })
    // The buffers of both sides hold some more.
    expect(bytes).toBeLessThan(16 * 1024 * 1024)
    expect(seconds).toBeLessThan(4)
  })

  it('is not decompressed beyond it either', async () => {
    const bomb = gzipSync(Buffer.alloc(100_000_000, ' '))
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    const watch = setInterval(
      () => (most = Math.max(most, process.memoryUsage().arrayBuffers - before)),
      5,
    )
    await sent((response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    clearInterval(watch)
    expect(most).toBeLessThan(32 * 1024 * 1024)
  })
})

describe('in a JWK set', () => {
  it('a hundred keys are read, and each is found by its thumbprint', async () => {
    const pairs = Array.from(
      { length: 100 },
      () => generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) as JWK,
    )
    source.answer({ keys: pairs })
    const keys = remoteKeys(source.url, 2000, createClock().now, () => {})
    for (const pair of pairs)
      expect((await keys.find(readSigningKey(pair, 'key').kid))?.algorithm).toBe('EdDSA')
  })

  it('keys of an unsupported type are skipped, and the others are found', async () => {
    const curve = (namedCurve: string) =>
      generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' })
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({
      format: 'jwk',
    })
    const odd: unknown[] = [
      null,
      1,
      'key',
      [],
      {},
      { kty: 'oct', k: 'AAAA', kid: 'symmetric', alg: 'HS256' },
      { kty: 'oct', k: 'AAAA', kid, alg: 'ES256' },
      { ...good, kty: 'oct', k: 'AAAA' },
      { ...good, alg: 'HS256' },
      { ...good, alg: 'none' },
      { ...good, alg: 'ES384' },
      { ...good, x: null },
      { ...good, x: `${String(good.x)}=` },
      { ...good, y: 'AAAA' },
      curve('P-384'),
      curve('secp256k1'),
      { ...generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }) },
      { ...generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' }) },
      { ...rsa, alg: 'RS256' },
      { kty: 'RSA', n: 'A'.repeat(400), e: 'AQAB' },
    ]
    source.answer({ keys: [...odd, good, ...odd] })
    const keys = remoteKeys(source.url, 2000, createClock().now, () => {})
    expect((await keys.find(kid))?.publicJwk).toEqual(good)
    for (const name of ['symmetric', 'undefined', 'key'])
      expect(await keys.find(name)).toBeUndefined()
  })

  it('a hundred thousand nested lists contain no key', async () => {
    answer(200, `{"keys":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
    expect(await find()).toBeUndefined()
  })

  it('a symmetric key is never used, even if it is the only one', async () => {
    source.answer({
      keys: [
        { kty: 'oct', k: randomBytes(32).toString('base64url'), kid, alg: 'HS256', use: 'sig' },
      ],
    })
    expect(await find()).toBeUndefined()
  })

  it('the kid of a key is ignored, and its thumbprint is used', async () => {
    source.answer({ keys: [{ ...other, kid }] })
    expect([await find(), (await find(String(other.kid)))?.algorithm]).toEqual([undefined, 'EdDSA'])
  })

  it('a private key verifies, and its private part is dropped', async () => {
    source.answer({ keys: [secret] })
    const key = await find()
    expect([key?.algorithm, key?.publicJwk]).toEqual(['ES256', good])
    expect(JSON.stringify(key)).not.toContain(secret.d)
  })

  it('a key that is not for signatures is skipped', async () => {
    const { use: _use, ...bare } = good
    const others: JWK[] = [
      { ...bare, use: 'enc' },
      { ...bare, key_ops: ['encrypt'] },
      { ...bare, key_ops: ['deriveBits'] },
      { ...bare, key_ops: [] },
      { ...bare, key_ops: 'verify' as never },
    ]
    for (const each of others) {
      source.answer({ keys: [each] })
      expect(await find()).toBeUndefined()
    }
    for (const each of [
      bare,
      { ...bare, key_ops: ['verify'] },
      { ...bare, use: 'sig', key_ops: ['verify'] },
    ]) {
      source.answer({ keys: [each] })
      expect((await find())?.algorithm).toBe('ES256')
    }
  })
})

it('a request asks for JSON, sends nothing of the caller, and uses only options that every runtime supports', async () => {
  const fetched = vi.spyOn(globalThis, 'fetch')
  let headers: Record<string, unknown> = {}
  source.answer((request, response) => {
    headers = request.headers
    response.end(set)
  })
  await find()
  const [, init] = fetched.mock.calls[0] ?? []
  fetched.mockRestore()
  expect(headers['accept']).toBe('application/json')
  expect([headers['authorization'], headers['cookie'], headers['referer']]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  // Cloudflare Workers throw for 'error' before they send anything.
  expect(init?.redirect).toBe('manual')
})
