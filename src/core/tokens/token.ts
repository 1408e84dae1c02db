import type { JWK } from 'jose'
import * as base64url from 'jose/base64url'
import { compactVerify } from 'jose/jws/compact/verify'
import { SignJWT } from 'jose/jwt/sign'
import { isId, type KeyRecord } from '../model/api-key.ts'
import { isPlainObject, MAX_TOKEN_LENGTH, nameProblem } from '../model/checks.ts'
import { TwinkeyError } from '../model/error.ts'
import type { RefusalReason } from '../model/refusal.ts'
import { freezeScope, type Scope, scopeValueProblem, toScopeString } from '../model/scope.ts'
import { mintId } from '../secrets/secret.ts'
import type { SigningKey } from './signing-key.ts'

/** Maximum token lifetime, in seconds. */
export const MAX_LIFETIME_SECONDS = 3600
/** Maximum of the `clockToleranceSeconds` option. */
export const MAX_CLOCK_TOLERANCE_SECONDS = 60

const MAX_ISSUED_LENGTH = 6144
const TYPES: readonly unknown[] = ['at+jwt', 'application/at+jwt']
const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const KID = /^[A-Za-z0-9_-]{1,64}$/
// RFC 6749, section 3.3.
const SCOPE_STRING = /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The claims of a verified token. */
export interface TokenClaims {
  readonly tokenId: string
  readonly keyId: string
  /** Id of the secret that the token was issued for. The token is valid only as long as it is. */
  readonly secretId: string
  /** The owner of the key when the token was issued; null for none. */
  readonly owner: string | null
  /** The audience that the token is for: the one of the rules, or one of their resources. */
  readonly audience: string
  /** Epoch milliseconds. */
  readonly issuedAt: number
  /** Epoch milliseconds. */
  readonly expiresAt: number
  /** The scope of the token, as issued. The scope of the key may be narrower by now. */
  readonly scope: Scope
}

/** What a token is verified against. */
export interface TokenRules {
  readonly issuer: string
  /** The audience of tokens that were requested for no resource. */
  readonly audience: string
  /** Further audiences (RFC 8707). Default: none. */
  readonly resources?: readonly string[]
  readonly clockToleranceSeconds: number
  /**
   * Finds a key by its RFC 7638 thumbprint. No other member of a token header is ever used to find
   * a key.
   */
  readonly keyOf: (kid: string) => SigningKey | undefined | Promise<SigningKey | undefined>
}

/** Algorithm and key id of a token header, not yet verified. Empty if missing or malformed. */
export interface TokenHeader {
  readonly algorithm: string
  readonly kid: string
}

/**
 * Reads the header of a token without verifying it. Returns undefined if Twinkey cannot have issued
 * the text.
 */
export function readTokenHeader(text: string): TokenHeader | undefined {
  if (!hasTokenForm(text)) return undefined
  const header = readSegment(text.slice(0, text.indexOf('.')))
  if (
    header === undefined ||
    Object.keys(header).some((member) => member !== 'alg' && member !== 'typ' && member !== 'kid')
  )
    return undefined
  const { alg, typ, kid } = header
  if (typeof typ !== 'string' || !TYPES.includes(typ.toLowerCase())) return undefined
  return {
    algorithm: typeof alg === 'string' ? alg : '',
    kid: typeof kid === 'string' && KID.test(kid) ? kid : '',
  }
}

/**
 * Verifies the signing key, signature and claims of a token. Does not check that its API key and
 * secret are active.
 *
 * @returns The claims, or the reason for the refusal.
 * @see RFC 9068, RFC 8725
 */
export async function verifyToken(
  text: string,
  { algorithm, kid }: TokenHeader,
  rules: TokenRules,
  now: number,
): Promise<TokenClaims | RefusalReason> {
  const key = kid === '' ? undefined : await rules.keyOf(kid)
  if (key === undefined)
    return isIssuedBy(text, rules.issuer) ? 'token_key_unknown' : 'token_issuer_unknown'
  if (algorithm !== key.algorithm) return 'token_malformed'
  const verifying = await key.verifying()
  // Requires the exact signature length (RFC 8017, section 8). Some platforms also accept an RSA
  // signature without its leading zeros, which would give one token two forms.
  const { modulusLength: bits = 512 } = verifying.algorithm as { modulusLength?: number }
  if (text.length - text.lastIndexOf('.') - 1 !== Math.ceil((Math.ceil(bits / 8) * 4) / 3))
    return 'token_signature_wrong'
  let payload: Uint8Array
  try {
    payload = (await compactVerify(text, verifying, { algorithms: [key.algorithm] })).payload
  } catch {
    return 'token_signature_wrong'
  }
  return readClaims(readJson(payload), rules, now)
}

/** Whether a text begins with the base64url of `{"`, as every token does, and has a dot. */
export function isTokenLike(text: string): boolean {
  return text.startsWith('eyJ') && text.includes('.')
}

/**
 * Whether the unverified `iss` of a token names this issuer. Use it only to choose the reason of a
 * refusal: it says nothing about validity.
 */
export function isIssuedBy(text: string, issuer: string): boolean {
  if (!hasTokenForm(text)) return false
  return readSegment(text.slice(text.indexOf('.') + 1, text.lastIndexOf('.')))?.['iss'] === issuer
}

/** Input of {@link signToken}. */
export interface TokenContent {
  readonly key: KeyRecord
  readonly secretId: string
  readonly scope: Scope
  /** Epoch seconds. */
  readonly issuedAt: number
  /** Epoch seconds. */
  readonly expiresAt: number
}

/**
 * Signs a token.
 *
 * @returns The token and its id. Undefined if the token would be longer than 6 KiB, because some
 *   servers refuse longer headers.
 * @throws {@link TwinkeyError} `signing_key_missing`, `signing_key_invalid`.
 */
export async function signToken(
  { key, secretId, scope, issuedAt, expiresAt }: TokenContent,
  { issuer, audience }: Pick<TokenRules, 'issuer' | 'audience'>,
  signingKey: SigningKey,
): Promise<{ token: string; tokenId: string } | undefined> {
  const signing = await signingKey.signing()
  if (signing === undefined)
    throw new TwinkeyError(
      'signing_key_missing',
      'tokens.signingKeys[0] has no private part. The first key signs, so it must be private.',
    )
  const tokenId = mintId()
  const claims = {
    // The subject of a client that acts for itself is the client (RFC 9068, section 2.2).
    sub: key.id,
    client_id: key.id,
    ...(key.owner === null ? {} : { owner: key.owner }),
    secret_id: secretId,
    jti: tokenId,
    scope: toScopeString(scope),
    ...scope,
  }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: signingKey.algorithm, typ: 'at+jwt', kid: signingKey.kid })
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(signing)
  return token.length > MAX_ISSUED_LENGTH ? undefined : { token, tokenId }
}

/** The keys as a public JWK set. */
export function jwksOf(keys: readonly SigningKey[]): { keys: JWK[] } {
  return { keys: keys.map((key) => ({ ...key.publicJwk })) }
}

function readClaims(
  payload: Record<string, unknown> | undefined,
  rules: TokenRules,
  now: number,
): TokenClaims | RefusalReason {
  if (payload === undefined) return 'token_claims_wrong'
  const { iss, client_id, secret_id, jti, scope, tenants, environments, workflows } = payload
  if (iss !== rules.issuer) return 'token_issuer_unknown'
  const audience = readAudience(payload, rules)
  if (audience === undefined) return 'token_audience_unknown'
  const owner = readOwner(payload)
  if (
    owner === undefined ||
    !isId(client_id) ||
    !isId(secret_id) ||
    !isId(jti) ||
    !isScopeString(scope)
  )
    return 'token_claims_wrong'
  const times = readTimes(payload, now / 1000 + rules.clockToleranceSeconds)
  if (times === undefined) return 'token_claims_wrong'
  if ([tenants, environments, workflows].some((reach) => scopeValueProblem(reach) !== undefined))
    return 'token_claims_wrong'
  if (now >= times.expiresAt) return 'token_expired'
  return Object.freeze({
    tokenId: jti,
    keyId: client_id,
    secretId: secret_id,
    owner,
    audience,
    ...times,
    scope: freezeScope({ tenants, environments, workflows } as Scope),
  })
}

// A token that names several known audiences is for the first of them: the audience, then the
// resources. Twinkey issues tokens for exactly one.
function readAudience(
  { aud }: Record<string, unknown>,
  { audience, resources = [] }: TokenRules,
): string | undefined {
  const named: unknown = typeof aud === 'string' ? [aud] : aud
  if (!Array.isArray(named) || named.some((each) => typeof each !== 'string')) return undefined
  return [audience, ...resources].find((each) => named.includes(each))
}

// Undefined if `sub` or `owner` is wrong. Version 0.1 had no claim `owner` and put the owner into
// `sub`. Its tokens are accepted until 1.0, because a verifier may be updated long before the API.
function readOwner({
  sub,
  client_id,
  owner,
}: Record<string, unknown>): TokenClaims['owner'] | undefined {
  if (owner === undefined) return sub === client_id ? null : nameOrUndefined(sub)
  return sub === client_id ? nameOrUndefined(owner) : undefined
}

function nameOrUndefined(value: unknown): string | undefined {
  return nameProblem(value) === undefined ? (value as string) : undefined
}

// Seconds in the claims, milliseconds in the result. iat may be 0, because a fake clock may start
// at 0.
function readTimes(
  { iat, exp, nbf }: Record<string, unknown>,
  latest: number,
): Pick<TokenClaims, 'issuedAt' | 'expiresAt'> | undefined {
  if (!(iat === 0 || isSeconds(iat)) || !isSeconds(exp)) return undefined
  if (nbf !== undefined && !(isSeconds(nbf) && nbf <= latest)) return undefined
  if (iat > latest || exp <= iat || exp - iat > MAX_LIFETIME_SECONDS) return undefined
  return { issuedAt: iat * 1000, expiresAt: exp * 1000 }
}

// Three canonical base64url segments: no padding, no whitespace, and no bits beyond the last byte.
// So a token has exactly one form.
function hasTokenForm(text: string): boolean {
  return text.length <= MAX_TOKEN_LENGTH && FORM.test(text) && text.split('.').every(isCanonical)
}

function isCanonical(segment: string): boolean {
  const spare = segment.length % 4
  if (spare === 0) return true
  const last = BASE64URL.indexOf(segment.charAt(segment.length - 1))
  return spare === 1 ? false : last % (spare === 2 ? 16 : 4) === 0
}

function readSegment(segment: string): Record<string, unknown> | undefined {
  return readJson(base64url.decode(segment))
}

const UTF8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// Accepts only JSON exactly as JSON.stringify writes it. This rejects duplicate members, for
// example.
function readJson(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const text = UTF8.decode(bytes)
    const value: unknown = JSON.parse(text)
    return isPlainObject(value) && JSON.stringify(value) === text ? value : undefined
  } catch {
    return undefined
  }
}

function isScopeString(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_STRING.test(value)
}

function isSeconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
