import type { JWK } from 'jose'
import * as base64url from 'jose/base64url'
import { SignJWT } from 'jose/jwt/sign'
import { detachString } from '../cache/detach-string.ts'
import type { KeyLimit, KeyRecord } from '../model/api-key.ts'
import { isPlainObject, MAX_TOKEN_LENGTH } from '../model/checks.ts'
import { TwinkeyError } from '../model/error.ts'
import type { RefusalReason } from '../model/refusal.ts'
import { type Scope, toScopeString } from '../model/scope.ts'
import { mintId } from '../secrets/secret.ts'
import { type ClaimRules, readClaims, type TokenClaims } from './claims.ts'
import { isSigned } from './signature.ts'
import type { SigningKey } from './signing-key.ts'

/** Maximum of the `clockToleranceSeconds` option. */
export const MAX_CLOCK_TOLERANCE_SECONDS = 60

const MAX_ISSUED_LENGTH = 6144
const MAX_HEADERS = 100
const TYPES: readonly unknown[] = ['at+jwt', 'application/at+jwt']
const FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const KID = /^[A-Za-z0-9_-]{1,64}$/
const UTF8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** What a token is verified against. */
export interface TokenRules extends ClaimRules {
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

/** Reads the headers of tokens without verifying them. */
export interface HeaderReader {
  /** Returns undefined if Twinkey cannot have issued the text. */
  read(text: string): TokenHeader | undefined
  /**
   * Remembers the header of a verified token: all tokens of one signing key have the same. A caller
   * cannot add others.
   */
  remember(text: string, header: TokenHeader): void
}

export function createHeaderReader(): HeaderReader {
  const headers = new Map<string, TokenHeader>()
  return {
    read(text) {
      if (!hasTokenForm(text)) return undefined
      const segment = headerOf(text)
      return headers.get(segment) ?? readHeader(segment)
    },
    remember(text, header) {
      const segment = headerOf(text)
      if (headers.size < MAX_HEADERS && !headers.has(segment))
        headers.set(detachString(segment), header)
    },
  }
}

function headerOf(text: string): string {
  return text.slice(0, text.indexOf('.'))
}

function readHeader(segment: string): TokenHeader | undefined {
  const header = readSegment(segment)
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
  if (!(await isSigned(text, key.algorithm, await key.verifying()))) return 'token_signature_wrong'
  return readClaims(readPayload(text), rules, now)
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
  return readPayload(text)?.['iss'] === issuer
}

/** Input of {@link signToken}. */
export interface TokenContent {
  readonly key: KeyRecord
  readonly secretId: string
  readonly scope: Scope
  /** The limits that apply to the key: its own, or those of the deployment. */
  readonly limits: readonly KeyLimit[] | undefined
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
  { key, secretId, scope, limits = [], issuedAt, expiresAt }: TokenContent,
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
    // A service that has only the JWKS sees the policies of the key in these claims.
    ...(key.networks === null ? {} : { networks: key.networks }),
    ...(limits.length === 0 ? {} : { limits }),
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

// Three canonical base64url segments: no padding, no whitespace, and no bits beyond the last byte.
// So a token has exactly one form.
function hasTokenForm(text: string): boolean {
  if (text.length > MAX_TOKEN_LENGTH || !FORM.test(text)) return false
  const [first, last] = [text.indexOf('.'), text.lastIndexOf('.')]
  return (
    isCanonical(text, 0, first) &&
    isCanonical(text, first + 1, last) &&
    isCanonical(text, last + 1, text.length)
  )
}

function isCanonical(text: string, start: number, end: number): boolean {
  const spare = (end - start) % 4
  if (spare === 0) return true
  const last = BASE64URL.indexOf(text.charAt(end - 1))
  return spare === 1 ? false : last % (spare === 2 ? 16 : 4) === 0
}

function readPayload(text: string): Record<string, unknown> | undefined {
  return readSegment(text.slice(text.indexOf('.') + 1, text.lastIndexOf('.')))
}

// Accepts only JSON exactly as JSON.stringify writes it. This rejects duplicate members, for
// example.
function readSegment(segment: string): Record<string, unknown> | undefined {
  try {
    const text = UTF8.decode(base64url.decode(segment))
    const value: unknown = JSON.parse(text)
    return isPlainObject(value) && JSON.stringify(value) === text ? value : undefined
  } catch {
    return undefined
  }
}
