// A careful check by hand, without a library: the minimum to check a key and to check a token.
import { hash, timingSafeEqual } from 'node:crypto'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { jwtVerify } from 'jose'
import { idOf, recordOf } from './keys.mjs'

const BEARER = 'Bearer '
const PREFIX = 'tk_'
const SECRET_LENGTH = 68

/** Digests with Node's one-shot hash, the fastest there. Text avoids a Buffer from the heap. */
const scratch = Buffer.alloc(43)
export const byNode = {
  unknown: Buffer.alloc(43),
  stored: (digest) => Buffer.from(digest, 'latin1'),
  equals(secret, stored) {
    scratch.latin1Write(hash('sha256', secret, 'base64url'))
    return timingSafeEqual(scratch, stored)
  },
}

/** Digests with @noble/hashes. */
export const byNoble = {
  unknown: Buffer.alloc(32),
  stored: (digest) => Buffer.from(digest, 'base64url'),
  equals: (secret, stored) => timingSafeEqual(sha256(utf8ToBytes(secret)), stored),
}

/** Checks a secret against keys in a map: known, correct, active, and covering the target. */
export function createSecretCheck(count, digests = byNode) {
  const keys = new Map()
  for (let number = 0; number < count; number++) {
    const { id, enabled, expiresAt, scope, primary } = recordOf(idOf(number))
    keys.set(id, {
      id,
      enabled,
      expiresAt,
      scope,
      digest: digests.stored(primary.digest.slice(-43)),
    })
  }
  return (secret, tenant, workflow) => {
    if (secret.length !== SECRET_LENGTH || !secret.startsWith(PREFIX)) return undefined
    const key = keys.get(secret.slice(PREFIX.length, PREFIX.length + 16))
    if (
      !digests.equals(secret, key === undefined ? digests.unknown : key.digest) ||
      key === undefined
    )
      return undefined
    if (!key.enabled || (key.expiresAt !== null && Date.now() >= key.expiresAt)) return undefined
    const { tenants, workflows } = key.scope
    return tenants.includes(tenant) && workflows.includes(workflow) ? key : undefined
  }
}

/** The same for the value of an `Authorization` header. */
export function createKeyCheck(count, digests = byNode) {
  const check = createSecretCheck(count, digests)
  return (authorization, tenant, workflow) =>
    authorization?.startsWith(BEARER)
      ? check(authorization.slice(BEARER.length), tenant, workflow)
      : undefined
}

/**
 * Checks a token with jose, and caches its claims by a digest until it expires. Returns a promise
 * for a new token and the claims for a cached one.
 */
export function createTokenCheck({ publicKey, issuer, audience }) {
  const seen = new Map()
  const rules = { issuer, audience, algorithms: ['ES256'], typ: 'at+jwt' }
  const judge = (claims, tenant, workflow) =>
    Date.now() < claims.exp * 1000 && reaches(claims, tenant, workflow) ? claims : undefined
  return (authorization, tenant, workflow) => {
    if (!authorization?.startsWith(BEARER)) return undefined
    const token = authorization.slice(BEARER.length)
    const digest = hash('sha256', token, 'base64url')
    const claims = seen.get(digest)
    if (claims !== undefined) return judge(claims, tenant, workflow)
    return jwtVerify(token, publicKey, rules).then(
      ({ payload }) => {
        seen.set(digest, payload)
        return judge(payload, tenant, workflow)
      },
      () => undefined,
    )
  }
}

/** Tells whether the claims of a token cover a tenant and a workflow. */
export function reaches({ tenants, workflows }, tenant, workflow) {
  return (
    (tenants === '*' || tenants.includes(tenant)) &&
    (workflows === '*' || workflows.includes(workflow))
  )
}
