import type { JWK } from 'jose'
import {
  createTwinkey,
  generateSigningKey,
  memoryStore,
  type SigningAlgorithm,
  type Twinkey,
  type TwinkeyEvent,
  type TwinkeyOptions,
} from 'twinkey'
import { createVerifier, type Verifier } from 'twinkey/verifier'
import { AUDIENCE, ISSUER } from '../support/bench.ts'
import { type Clock, createClock } from '../support/clock.ts'
import { decoded } from '../support/forge.ts'
import { type SpyStore, spyStore } from '../support/spy-store.ts'
import { buryKeys } from './forge-keys.ts'
import { createSource } from './forge-source.ts'
import { type Forging, issued } from './forge-token.ts'

/** The algorithms that tokens can be signed with. */
export const ALGORITHMS: readonly SigningAlgorithm[] = ['ES256', 'EdDSA', 'RS256', 'PS256']

/**
 * An API that issues and verifies by one algorithm, a service that has only its public keys, and
 * the attacker's server.
 */
export interface Scene {
  readonly forging: Forging
  readonly twinkey: Twinkey
  readonly verifier: Verifier
  readonly clock: Clock
  readonly spy: SpyStore
  readonly events: TwinkeyEvent[]
  readonly verifierEvents: TwinkeyEvent[]
  /** How many requests the attacker's server has received. */
  readonly lured: () => number
  close(): Promise<void>
}

/** The target of the route of a scene, which its good token covers. */
export const WORKFLOW = 'customers.read'

export async function createScene(algorithm: SigningAlgorithm): Promise<Scene> {
  const [key, twin, retired, evil] = await keysOf(algorithm)
  const cousin = await generateSigningKey(algorithm === 'ES256' ? 'EdDSA' : 'ES256')
  const clock = createClock()
  const spy = spyStore(memoryStore())
  const events: TwinkeyEvent[] = []
  const make = (signingKeys: readonly JWK[], more: TwinkeyOptions = {}) =>
    createTwinkey({
      store: spy.store,
      importedSecrets: [{ algorithm: 'sha-256', minLength: 40, maxLength: 64 }],
      tokens: { issuer: ISSUER, audience: AUDIENCE, signingKeys },
      now: clock.now,
      ...more,
    })
  const twinkey = make([key, twin, cousin], { onEvent: (event) => events.push(event) })
  const { primary } = await twinkey.keys.create({
    name: 'good',
    scope: { tenants: ['t'], workflows: [WORKFLOW] },
  })
  const { graves, aliasId } = await buryKeys({ twinkey, before: make([retired]), spy, clock })
  let token = await issued(twinkey, primary)
  // A token whose signature has a character that the two alphabets of base64 write differently.
  while (!/[-_][^.]*$/.test(token)) token = await issued(twinkey, primary)
  const published = (await twinkey.tokens.jwks()).keys
  const verifierEvents: TwinkeyEvent[] = []
  const verifier = createVerifier({
    jwks: { keys: published },
    issuer: ISSUER,
    audience: AUDIENCE,
    now: clock.now,
    onEvent: (event) => verifierEvents.push(event),
  })
  const { d: _private, ...evilPublic } = evil
  const lure = await createSource({ keys: [evilPublic] })
  const { header, payload: claims } = decoded(token)
  const now = clock.now() / 1000
  const forging = {
    algorithm,
    key,
    twin,
    cousin,
    evil,
    published,
    token,
    header,
    claims,
    now,
    lure: lure.url,
    graves,
    aliasId,
  }
  const close = async () => {
    await lure.close()
    await twinkey.close()
  }
  return {
    forging,
    twinkey,
    verifier,
    clock,
    spy,
    events,
    verifierEvents,
    lured: lure.requests,
    close,
  }
}

// RSA keys take long to create, so RS256 and PS256 share theirs.
let rsa: Promise<JWK[]> | undefined

async function keysOf(algorithm: SigningAlgorithm): Promise<[JWK, JWK, JWK, JWK]> {
  const four = (each: SigningAlgorithm) =>
    Promise.all([1, 2, 3, 4].map(() => generateSigningKey(each)))
  const isRsa = algorithm === 'RS256' || algorithm === 'PS256'
  rsa ??= isRsa ? four('RS256') : undefined
  const keys = await (isRsa ? (rsa as Promise<JWK[]>) : four(algorithm))
  return keys.map((key) => ({ ...key, alg: algorithm })) as [JWK, JWK, JWK, JWK]
}
