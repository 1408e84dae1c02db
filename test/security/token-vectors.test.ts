import { constants, createHash, createPublicKey, publicEncrypt } from 'node:crypto'
import { compactVerify, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSigningKey, type SigningKey } from '../../src/core/tokens/signing-key.ts'
import { remoteKeys } from '../../src/verifier/remote-keys.ts'
import { AUDIENCE, ISSUER } from '../support/bench.ts'
import { base64url, encoded } from '../support/forge.ts'
import { codeOf } from '../support/sent.ts'
import { verifyToken } from '../support/verify-token.ts'
import vectors from '../vectors/wycheproof-jws.json' with { type: 'json' }
import { createScene, type Scene } from './forge-scene.ts'
import { rawRsa } from './forge-signatures.ts'

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly jws: string
  readonly result: string
}

const groups = vectors.groups.map(({ key, tests }) => ({
  jwk: key as JWK,
  key: readable(key as JWK),
  tests: tests as readonly Vector[],
}))
const all = groups.flatMap(({ tests }) => tests)

function readable(jwk: JWK): SigningKey | undefined {
  try {
    return readSigningKey(jwk, 'The key of a vector')
  } catch {
    return undefined
  }
}

describe('the Wycheproof vectors of JSON Web Signatures', () => {
  it('are all there, and so many are for keys that never sign tokens', () => {
    expect([all.length, all.filter(({ result }) => result === 'invalid').length]).toEqual([
      vectors.numberOfTests,
      355,
    ])
    const out: Record<string, number> = {}
    for (const { jwk, key, tests } of groups) {
      const kind = `${jwk.kty} ${jwk.alg}`
      if (key === undefined) out[kind] = (out[kind] ?? 0) + tests.length
    }
    // A symmetric key could forge, larger digests and P-521 are not supported, and an RSA key has
    // to name one of two algorithms.
    expect(out).toEqual({
      'oct HS256': 40,
      'RSA RS384': 4,
      'RSA RS512': 4,
      'RSA PS384': 5,
      'RSA PS512': 20,
      'EC ES521': 2,
      'RSA undefined': 2,
    })
  })

  it('are no tokens, valid or not: none gets past the check of its form, with any key', async () => {
    const said: Record<string, number> = {}
    for (const { key, tests } of groups) {
      for (const { jws } of tests) {
        const reason = await verifyToken(
          jws,
          { issuer: ISSUER, audience: AUDIENCE, clockToleranceSeconds: 0, keyOf: () => key },
          Date.now(),
        )
        said[String(reason)] = (said[String(reason)] ?? 0) + 1
      }
    }
    expect(said).toEqual({ token_malformed: 401 })
  })

  it('are decided by the signature, with keys as Twinkey reads them', async () => {
    let tried = 0
    const wrong: string[] = []
    for (const { key, tests } of groups) {
      if (key === undefined) continue
      const verifying = await key.verifying()
      for (const { tcId, comment, jws, result } of tests) {
        const passed = await compactVerify(jws, verifying, { algorithms: [key.algorithm] }).then(
          () => 'valid',
          () => 'invalid',
        )
        tried++
        if (passed !== result) wrong.push(`${tcId} ${comment} is ${result}`)
      }
    }
    expect(tried).toBe(324)
    // The first two say another algorithm than their key, which has one. Of the others the key is
    // for something else: it must not be found at all.
    expect(wrong).toEqual([
      '346 Figure20 is valid',
      '350 Figure20 is valid',
      '354 rejectWrongUse is invalid',
      '356 rejectWrongKeyOps is invalid',
    ])
  })

  it('for keys that are for encryption are refused because a JWK set yields no such key', async () => {
    const found: [number, string][] = []
    for (const { jwk, tests } of groups) {
      for (const { tcId, comment } of tests.filter((each) =>
        /^rejectWrong(?:Use|KeyOps)$/.test(each.comment),
      )) {
        // The same without what it is for, to know the name under which it would be found.
        const { use: _use, key_ops: _operations, ...bare } = jwk
        const { kid } = readSigningKey(
          { alg: 'RS256', ...bare, ...(jwk.kty === 'EC' ? { alg: 'ES256' } : {}) },
          'The key of a vector',
        )
        const keys = remoteKeys(
          async () => ({ keys: [jwk] }),
          1000,
          Date.now,
          () => {},
        )
        if ((await keys.find(kid)) !== undefined) found.push([tcId, comment])
      }
    }
    expect(found).toEqual([])
  })
})

describe('the signatures of the Wycheproof vectors, on Twinkey tokens', () => {
  const scenes = new Map<string, Scene>()
  beforeAll(async () => {
    for (const algorithm of ['ES256', 'RS256'] as const)
      scenes.set(algorithm, await createScene(algorithm))
  })
  afterAll(async () => {
    for (const scene of scenes.values()) await scene.close()
  })

  async function verdict(scene: Scene, signature: Uint8Array): Promise<string> {
    scene.events.length = 0
    const { header, claims } = scene.forging
    const code = codeOf(
      await scene.twinkey.tokens.verify(
        `${encoded(header)}.${encoded(claims)}.${base64url(signature)}`,
      ),
    )
    const [event] = scene.events
    return event?.type === 'access.refused' ? `${event.reason}` : code
  }

  it('of ES256 are wrong, for every r and s', async () => {
    const scene = scenes.get('ES256') as Scene
    const tests = groups
      .filter(({ key }) => key?.algorithm === 'ES256')
      .flatMap((each) => each.tests)
    const signatures = tests
      .map(({ jws }) => Buffer.from(jws.split('.')[2] ?? '', 'base64url'))
      .filter(({ length }) => length > 0)
    const said = new Set<string>()
    for (const signature of signatures) said.add(await verdict(scene, signature))
    expect([signatures.length, [...said]]).toEqual([34, ['token_signature_wrong']])
  })

  it('of RS256 are wrong, each with the flaw of its padding around the digest of our own token; the one without a flaw is good', async () => {
    const scene = scenes.get('RS256') as Scene
    const { header, claims, key } = scene.forging
    const ours = createHash('sha256')
      .update(`${encoded(header)}.${encoded(claims)}`)
      .digest()
    const said: Record<string, string[]> = {}
    for (const { jwk, tests } of groups.filter(
      ({ jwk: { alg }, tests: { length } }) => alg === 'RS256' && length > 100,
    )) {
      for (const { tcId, jws, comment } of tests) {
        const block = blockUnder(jwk, jws)
        const at = block?.indexOf(digestOf(jws)) ?? -1
        if (block === undefined || at < 0) continue
        ours.copy(block, at)
        const reason = await verdict(scene, rawRsa(key, block))
        said[reason] = [...(said[reason] ?? []), `${tcId} ${comment}`]
      }
    }
    expect({ ...said, token_signature_wrong: said['token_signature_wrong']?.length }).toEqual({
      token_signature_wrong: 197,
      'let in': ['33 acceptsValid'],
    })
  })
})

// The content under an RSA signature: padding, algorithm and digest. Undefined if it has not the
// length of the key.
function blockUnder(jwk: JWK, jws: string): Buffer | undefined {
  const signature = Buffer.from(jws.split('.')[2] ?? '', 'base64url')
  const key = createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' })
  return signature.length === 256
    ? publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, signature)
    : undefined
}

function digestOf(jws: string): Buffer {
  return createHash('sha256')
    .update(jws.slice(0, Math.max(0, jws.lastIndexOf('.'))))
    .digest()
}
