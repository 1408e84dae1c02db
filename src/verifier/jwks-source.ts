import type { JWK } from 'jose'
import { isPlainObject } from '../core/model/checks.ts'
import { copyJson } from '../core/model/copy.ts'
import { messageOf } from '../core/model/error.ts'
import { MAX_JWK_DEPTH, readSigningKey, type SigningKey } from '../core/tokens/signing-key.ts'
import { readResponseText } from '../http/response-text.ts'

/** A JWK set, its URL, or a function that loads it. */
export type JwksSource =
  | string
  | URL
  | { readonly keys: readonly JWK[] }
  | (() => Promise<{ readonly keys: readonly JWK[] }>)

const MAX_KEYS = 100
const MAX_SET_DEPTH = MAX_JWK_DEPTH + 2
const MAX_BYTES = 256 * 1024

/**
 * Checks a source.
 *
 * @returns Its name for error messages, and a function that loads the set.
 * @throws TypeError for a wrong source. The message says what to do instead.
 */
export function sourceOf(
  source: JwksSource,
  deadlineMilliseconds: number,
): { place: string; get: () => Promise<unknown> } {
  if (typeof source === 'function') return { place: 'jwks()', get: source }
  if (isPlainObject(source) && 'keys' in source) {
    const set = copyJson(source, MAX_SET_DEPTH)
    requireUsableSet(set)
    return { place: 'jwks', get: async () => set }
  }
  const isUrl =
    (typeof source === 'string' || source instanceof URL) && URL.canParse(String(source))
  const url = isUrl ? new URL(String(source)) : null
  if (url !== null && (url.username !== '' || url.password !== ''))
    throw new TypeError(
      'jwks must not have a user name or password in its URL. If loading the set needs one, pass a function that loads it.',
    )
  const isLoopback = url !== null && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  if (url === null || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback))) {
    throw new TypeError(
      'jwks must be an https URL (http only for this machine), a JWK set { keys }, or a function that loads one. ' +
        'Anyone who can change the set in transit can forge tokens.',
    )
  }
  return { place: url.origin + url.pathname, get: () => fetchJson(url, deadlineMilliseconds) }
}

function requireUsableSet(set: unknown): void {
  const { keys } = set as { keys: unknown }
  if (Array.isArray(keys) && keys.some((jwk) => jwk?.d !== undefined)) {
    throw new TypeError(
      'jwks contains a private key, which can sign tokens. Pass public keys only, as tokens.jwks() returns them.',
    )
  }
  let usable = 0
  try {
    usable = keysOf(set).size
  } catch {
    // Reported below.
  }
  if (usable === 0)
    throw new TypeError(
      `jwks must be a JWK set { keys } with 1 to ${MAX_KEYS} keys, one of which can verify tokens.`,
    )
}

async function fetchJson(url: URL, deadlineMilliseconds: number): Promise<unknown> {
  try {
    return JSON.parse(await fetchText(url, deadlineMilliseconds))
  } catch (thrown) {
    // The platform's message quotes a part of the response.
    if (thrown instanceof SyntaxError) throw new Error('the response is not JSON')
    // The cause of a fetch error has the details. Some platforms quote the URL, and its query may
    // hold a password.
    const error = (thrown as Error).cause ?? thrown
    const { search } = url
    throw search === '' ? error : new Error(messageOf(error).split(search).join(''))
  }
}

async function fetchText(url: URL, deadlineMilliseconds: number): Promise<string> {
  const signal = AbortSignal.timeout(deadlineMilliseconds)
  // Does not follow redirects: their status is not 200.
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal,
  })
  return readResponseText(response, MAX_BYTES)
}

/**
 * Reads a JWK set. Skips keys that cannot verify tokens: the set may hold keys for other purposes.
 *
 * @throws Error if it is not a JWK set.
 */
export function keysOf(
  given: unknown,
  known?: ReadonlyMap<string, SigningKey>,
): ReadonlyMap<string, SigningKey> {
  const set = copyJson(given, MAX_SET_DEPTH)
  if (!isPlainObject(set) || !Array.isArray(set['keys']) || set['keys'].length > MAX_KEYS) {
    throw new Error(`a JWK set must be an object with at most ${MAX_KEYS} keys`)
  }
  const found = new Map<string, SigningKey>()
  for (const jwk of set['keys']) {
    const key = keyOf(jwk, known)
    if (key !== undefined) found.set(key.kid, key)
  }
  return found
}

function keyOf(
  jwk: unknown,
  known: ReadonlyMap<string, SigningKey> | undefined,
): SigningKey | undefined {
  const { use = 'sig', key_ops: operations = ['verify'] } = (jwk ?? {}) as {
    use?: unknown
    key_ops?: unknown
  }
  if (use !== 'sig' || !Array.isArray(operations) || !operations.includes('verify'))
    return undefined
  try {
    // Drops a private part.
    return readSigningKey(
      isPlainObject(jwk) ? { ...jwk, d: undefined } : jwk,
      'A key of the set',
      known,
    )
  } catch {
    return undefined
  }
}

/** Removes the keys that this platform does not support, so that the others stay usable. */
export async function withoutUnsupported(
  keys: ReadonlyMap<string, SigningKey>,
): Promise<ReadonlyMap<string, SigningKey>> {
  const tried = [...keys.values()].map((key) =>
    key.verifying().then(
      () => key,
      () => undefined,
    ),
  )
  return new Map(
    (await Promise.all(tried)).flatMap((key) => (key === undefined ? [] : [[key.kid, key]])),
  )
}
