import type { Credential } from '../core/decision/route-requirement.ts'
import type { TokenRequest } from '../core/management/token-request.ts'
import type { IssuedToken } from '../core/management/token-signing.ts'
import type { Metadata } from '../core/model/api-key.ts'
import type { Principal } from '../core/model/principal.ts'
import { axisDenied, isRefusal, REFUSALS, type Refusal } from '../core/model/refusal.ts'
import { withTimeout } from '../core/store/timeout.ts'
import { readBasicPair, readBearer, readWhole } from '../http/credential.ts'
import {
  headersOf,
  jsonAnswer,
  type Profile,
  STATUSES,
  shownCode,
  type WireAnswer,
  type WireBody,
} from '../http/profile.ts'
import type { WireRequest } from '../http/request.ts'

/** The account of a user, as Flare's API shows it. */
export interface FlareAccount {
  readonly userId: number
  readonly userEmail: string
  readonly organizationId: number
  /** The default tenant of a token request. */
  readonly tenantId: number
  /** The number of the key in the application. Default: the key id. */
  readonly apiKeyId?: number | undefined
  /** The scopes that `/tokens/test` shows. Default: `authenticated`, `apikey` and `firework`. */
  readonly scopes?: readonly string[] | undefined
}

/** Configures the Flare profile. */
export interface FlareOptions {
  /**
   * Finds the account of the owner of a key, usually by `principal.owner`. If it returns undefined,
   * the exchange and `/tokens/test` refuse the request as `credential_invalid`. It does not end
   * tokens that were issued before: `ownerScope` limits those. Timeout: 2 seconds.
   */
  readonly account: (
    principal: Principal,
  ) => Promise<FlareAccount | undefined> | FlareAccount | undefined
}

// The vendor does not distinguish malformed credentials from wrong ones.
const STATUS = { ...STATUSES, credential_malformed: 401 }

const SECURITY_SCHEMES: Profile['securitySchemes'] = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A token of POST /tokens/generate.',
  },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'An API key, for POST /tokens/generate alone.',
  },
}

const ACCOUNT_DEADLINE_MILLISECONDS = 2000
const SCOPES = ['authenticated', 'apikey', 'firework']

/**
 * Creates the profile of Flare: `POST /tokens/generate` exchanges a key for a token of one hour,
 * and all other endpoints accept only `Authorization: Bearer <token>`.
 *
 * Mount `tokenEndpoints` at `/tokens` with this profile. At the exchange, the key is the whole value
 * of `Authorization`, the password of Basic with an empty user, or a Bearer credential. The body is
 * empty or `{"tenant_id": <number>}`. The exchange refuses a tenant that it cannot read or that the
 * key does not reach. The tenants of keys are these numbers as strings: `'1234'`. There are no
 * refresh tokens: `refresh_token_exp` is the time at which the token expires.
 *
 * @param options How to find accounts.
 * @returns The profile, for the `profile` of guards and of `tokenEndpoints`.
 * @throws TypeError without an `account` function.
 * @see https://api.docs.flare.io, "Authentication"
 */
export function flare(options: FlareOptions): Profile {
  if (typeof options?.account !== 'function')
    throw new TypeError(
      'flare needs account: a function from a principal to the account of its owner.',
    )

  async function accountOf(principal: Principal<Metadata>): Promise<FlareAccount | Refusal> {
    const found = await withTimeout(
      ACCOUNT_DEADLINE_MILLISECONDS,
      'owner_unavailable',
      'account failed',
      () => options.account(principal),
    )
    return found ?? REFUSALS.credentialInvalid
  }

  async function tokenRequest(
    body: WireBody,
    principal: Principal<Metadata>,
  ): Promise<TokenRequest | Refusal> {
    const found = await accountOf(principal)
    if (isRefusal(found)) return found
    const tenantId = body !== undefined && 'tenant_id' in body ? body['tenant_id'] : found.tenantId
    return isTenantId(tenantId)
      ? { scope: { tenants: [String(tenantId)] } }
      : REFUSALS.requestMalformed
  }

  async function tokenTested(principal: Principal<Metadata>): Promise<WireAnswer | Refusal> {
    const found = await accountOf(principal)
    if (isRefusal(found)) return found
    const { apiKeyId = principal.keyId, organizationId, scopes = SCOPES, userEmail, userId } = found
    const { tenants } = principal.scope
    if (tenants.length === 0) return axisDenied('tenant')
    const own = tenants !== '*' && tenants.length === 1 ? Number(tenants[0]) : found.tenantId
    const tenantId = Number.isSafeInteger(own) ? own : tenants[0]
    return jsonAnswer(200, {
      api_key_id: apiKeyId,
      organization_id: organizationId,
      scopes,
      tenant_id: tenantId,
      user_email: userEmail,
      user_id: userId,
    })
  }

  return {
    name: 'flare',
    exchangePath: '/generate',
    securitySchemes: SECURITY_SCHEMES,
    security: [['bearer']],
    exchangeSecurity: [['apiKey']],
    credential,
    exchangeCredential,
    refuse,
    tokenRequest,
    tokenIssued,
    tokenTested,
  }
}

function credential(request: WireRequest): Credential | Refusal {
  return readBearer(request.header('authorization'), 'token') ?? REFUSALS.credentialMissing
}

function exchangeCredential(request: WireRequest): Credential | Refusal {
  const field = request.header('authorization')
  return (
    readBearer(field, 'secret') ??
    readBasic(field) ??
    readWhole(field, true) ??
    REFUSALS.credentialMissing
  )
}

// Basic with an empty user and the key as password (RFC 7617). Flare documented it until August
// 2024.
function readBasic(field: string | undefined): Credential | Refusal | undefined {
  const pair = readBasicPair(field)
  if (typeof pair !== 'string') return pair
  return pair.startsWith(':')
    ? (readWhole(pair.slice(1), true) ?? REFUSALS.credentialMalformed)
    : REFUSALS.credentialMalformed
}

function refuse(refusal: Refusal): WireAnswer {
  const { code, detail } = refusal
  const status = STATUS[code]
  const error =
    code === 'rate_limited' || code === 'quota_exceeded'
      ? { code: 'RATELIMIT_REACHED', message: 'ratelimit reached' }
      : { code: shownCode(refusal).toUpperCase(), message: detail }
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer realm="api"' } : {}
  return jsonAnswer(status, { error }, { ...challenge, ...headersOf(refusal) })
}

function tokenIssued({ token, expiresAt }: IssuedToken): WireAnswer {
  return jsonAnswer(200, { token, refresh_token_exp: expiresAt / 1000 })
}

function isTenantId(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
