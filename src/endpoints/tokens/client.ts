import type { Credential } from '../../core/decision/route-requirement.ts'
import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { isRefusal, REFUSALS, type Refusal } from '../../core/model/refusal.ts'
import { readBasicPair, readWhole } from '../../http/credential.ts'
import type { WireBody } from '../../http/profile.ts'
import { readQuery, type WireRequest } from '../../http/request.ts'
import { decode } from '../../http/secret-query.ts'

/** The text parameters of a request that are not empty, by name. */
export type Parameters = Readonly<Record<string, unknown>>

/** The credentials of an OAuth client. Its id is the id of a key. */
export interface Client {
  /** Undefined if only a secret was sent. */
  readonly id: string | undefined
  /** Its secret, in each form in which it may have been sent. Try them in this order. */
  readonly credentials: readonly Credential[]
}

/** User and password of Basic, in each form in which they may have been sent. */
interface BasicPair {
  readonly user: string
  readonly password: string
}

/** Parameters without a value count as omitted (RFC 6749, section 3.2). */
export function parametersOf(members: WireBody): Parameters {
  return Object.fromEntries(Object.entries(members ?? {}).filter(([, value]) => value !== ''))
}

/**
 * Reads `Authorization: Basic` with a user. Many clients form-encode both halves, as the standard
 * says, and some do not, so there may be two readings.
 *
 * @returns The readings; undefined without Basic or without a user; a refusal if it is malformed.
 * @see RFC 6749 section 2.3.1 and appendix B, RFC 7617
 */
export function readBasic(request: WireRequest): readonly BasicPair[] | Refusal | undefined {
  const pair = readBasicPair(request.header('authorization'))
  if (typeof pair !== 'string') return pair
  if (pair.length > MAX_PAIR) return REFUSALS.credentialMalformed
  const split = pair.indexOf(':')
  if (split === 0) return undefined
  if (split < 0) return REFUSALS.credentialMalformed
  const raw = { user: pair.slice(0, split), password: pair.slice(split + 1) }
  const user = decode(raw.user)
  const password = decode(raw.password)
  if (user === undefined || password === undefined) return [raw]
  return user === raw.user && password === raw.password ? [raw] : [{ user, password }, raw]
}

// Longer than any id and secret of a client, in the longest encoding.
const MAX_PAIR = 3072

/**
 * Reads the client of a request to an OAuth endpoint: by Basic, by `client_id` and `client_secret`
 * in the form, or by a secret in the places of the profile. Exactly one of them.
 *
 * @param native What the profile has found.
 * @see RFC 6749, section 2.3
 */
export function readClient(
  request: WireRequest,
  parameters: Parameters,
  basic: ReturnType<typeof readBasic>,
  native: Credential | Refusal,
): Client | Refusal {
  const { client_id: id, client_secret: secret } = parameters
  // Proxies and servers log addresses, so a secret in one is refused even if it is valid.
  if (readQuery(request.receivedUrl ?? request.url, 'client_secret') !== undefined)
    return REFUSALS.secretInUrl
  if ((id !== undefined && typeof id !== 'string') || isNotText(secret))
    return REFUSALS.requestMalformed
  const isNative = !isRefusal(native)
  const ways = [basic !== undefined, secret !== undefined, isNative].filter(Boolean).length
  if (ways > 1) return REFUSALS.credentialAmbiguous
  if (!isNative && native.code !== 'credential_missing') return native
  if (isNative) return { id, credentials: [native] }
  if (basic !== undefined) return isRefusal(basic) ? basic : basicClient(basic, id)
  if (typeof secret !== 'string') return REFUSALS.credentialMissing
  return id === undefined
    ? REFUSALS.requestMalformed
    : { id, credentials: credentialsOf([secret], false) }
}

/** Why a client is not the one of its credential: its id must be the id of that key, if it has sent one. */
export function clientProblem(
  client: Client | Refusal,
  { keyId }: Principal<Metadata>,
): Refusal | undefined {
  if (isRefusal(client)) return client
  return client.id === undefined || client.id === keyId ? undefined : REFUSALS.clientMismatch
}

function isNotText(value: unknown): boolean {
  return value !== undefined && typeof value !== 'string'
}

function basicClient(pairs: readonly BasicPair[], id: string | undefined): Client | Refusal {
  // The first reading follows the standard. Ids of keys are the same in both.
  const [{ user }] = pairs as [BasicPair]
  if (id !== undefined && id !== user) return REFUSALS.requestMalformed
  const passwords = pairs.map(({ password }) => password)
  return { id: user, credentials: credentialsOf(passwords, true) }
}

// Texts that cannot be a secret are left out. If none can, it is refused like any wrong secret.
function credentialsOf(
  texts: readonly string[],
  inAuthorizationHeader: boolean,
): readonly Credential[] {
  const readable = texts
    .map((text) => readWhole(text, inAuthorizationHeader))
    .filter((read): read is Credential => read !== undefined && !isRefusal(read))
  return readable.length > 0 ? readable : [{ text: '', kinds: 'secret', inAuthorizationHeader }]
}
