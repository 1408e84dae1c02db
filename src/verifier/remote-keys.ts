import type { JWK } from 'jose'
import { isPlainObject } from '../core/model/checks.ts'
import { copyJson } from '../core/model/copy.ts'
import { messageOf } from '../core/model/error.ts'
import { withTimeout } from '../core/store/timeout.ts'
import { MAX_JWK_DEPTH, readSigningKey, type SigningKey } from '../core/tokens/signing-key.ts'

/**
 * Where the keys that verify tokens come from: the URL of a JWK set, the set itself, or a function
 * that gets it.
 */
export type JwksSource =
  | string
  | URL
  | { readonly keys: readonly JWK[] }
  | (() => Promise<{ readonly keys: readonly JWK[] }>)

/** The keys of a JWK set, as they are now. */
export interface RemoteKeys {
  /**
   * The key of that RFC 7638 thumbprint. Rejects with `jwks_unavailable` where the set cannot be
   * had.
   */
  find(kid: string): Promise<SigningKey | undefined>
  /**
   * Whether there is a set that may be relied on. Where it is due it is asked for again, and nobody
   * waits for that.
   */
  areUsable(): boolean
  /**
   * Waits for the set. Rejects with `jwks_unavailable` where there is none that may be relied on.
   */
  refresh(): Promise<void>
  /** Resolves when nobody is asked for the set any more; undefined where nobody is. */
  flush(): Promise<void> | undefined
}

const MAX_KEYS = 100
const MAX_SET_DEPTH = MAX_JWK_DEPTH + 2
const MAX_BYTES = 256 * 1024
// A set is asked for again in good time, behind a request, so that nobody waits for it where there
// are requests all the time.
const REFRESH_MILLISECONDS = 240_000
const BELIEVED_MILLISECONDS = 300_000
// While its source is down a set is used for as long as a token lives; a key that was withdrawn
// verifies no longer than that.
const MAX_AGE_MILLISECONDS = 3_600_000
// Whatever kids are made up, the source is asked no more often than this.
const COOLDOWN_MILLISECONDS = 10_000
// How long it counts that asking has failed: while there are requests it is tried again before, and
// what was so before a silence says nothing of now.
const DOWN_MILLISECONDS = 30_000
// While there is no set at all, everything waits: it is tried again as soon as callers are told to
// come back.
const RETRY_MILLISECONDS = 2000

/**
 * Gets a JWK set when it is first needed, again when it is four minutes old, and at a key id that
 * it does not have, at most every ten seconds. A set is believed for five minutes, and for an hour
 * where asking for the next one has failed.
 *
 * @param changed Called where a key is no longer in the set.
 */
export function remoteKeys(
  source: JwksSource,
  deadlineMilliseconds: number,
  now: () => number,
  changed: () => void,
): RemoteKeys {
  const { place, get } = sourceOf(source, deadlineMilliseconds)
  let keys: ReadonlyMap<string, SigningKey> | undefined
  let loadedAt = 0
  let triedAt = Number.NEGATIVE_INFINITY
  let failure: unknown
  let loading: Promise<void> | undefined

  const inTime = <T>(call: () => Promise<T> | T) =>
    withTimeout(
      deadlineMilliseconds,
      'jwks_unavailable',
      `The keys could not be had from ${place}`,
      call,
    )
  const isOlder = (at: number, milliseconds: number) => Math.abs(now() - at) >= milliseconds
  const isDown = () => failure !== undefined && !isOlder(triedAt, DOWN_MILLISECONDS)
  const isUsable = () =>
    keys !== undefined &&
    !isOlder(loadedAt, isDown() ? MAX_AGE_MILLISECONDS : BELIEVED_MILLISECONDS)
  const isDue = () =>
    (keys === undefined || isOlder(loadedAt, REFRESH_MILLISECONDS)) &&
    isOlder(triedAt, isUsable() ? COOLDOWN_MILLISECONDS : RETRY_MILLISECONDS)

  function load(): void {
    // A host may end a request, and all that it began, so that it never settles: nobody waits for
    // it for ever.
    if (loading !== undefined && !isOlder(triedAt, 2 * deadlineMilliseconds)) return
    const at = now()
    triedAt = at
    const mine = inTime(async () => importable(keysOf(await get(), keys))).then(
      (found) => {
        if (loading !== mine) return
        const gone = [...(keys?.keys() ?? [])].some((kid) => !found.has(kid))
        keys = found
        loadedAt = at
        failure = loading = undefined
        if (gone) changed()
      },
      (error: unknown) => {
        if (loading !== mine) return
        failure = error
        loading = undefined
      },
    )
    loading = mine
  }

  return {
    async find(kid) {
      const known = isUsable() ? keys?.get(kid) : undefined
      if (isDue() || (!keys?.has(kid) && isOlder(triedAt, COOLDOWN_MILLISECONDS))) load()
      if (known !== undefined) return known
      await inTime(() => loading)
      if (failure !== undefined && !(isUsable() && keys?.has(kid))) throw failure
      return keys?.get(kid)
    },
    areUsable() {
      const usable = isUsable()
      if (isDue()) load()
      return usable
    },
    async refresh() {
      await inTime(() => loading)
      if (failure !== undefined && !isUsable()) throw failure
    },
    flush: () => loading,
  }
}

/** @throws TypeError with what to do, where a source cannot be one. */
function sourceOf(
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
      'jwks must not have a password in its URL. Give a function that gets the set, if it takes one.',
    )
  const isLoopback = url !== null && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  if (url === null || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback))) {
    throw new TypeError(
      'jwks must be an https URL (http on this machine only), a JWK set { keys }, or a function that gets one. ' +
        'Who can change the set on its way can forge tokens.',
    )
  }
  return { place: url.origin + url.pathname, get: () => fetchJson(url, deadlineMilliseconds) }
}

function requireUsableSet(set: unknown): void {
  const { keys } = set as { keys: unknown }
  if (Array.isArray(keys) && keys.some((jwk) => jwk?.d !== undefined)) {
    throw new TypeError(
      'jwks has a private key, with which tokens can be issued. Give the public ones alone, as tokens.jwks() answers them.',
    )
  }
  let usable = 0
  try {
    usable = keysOf(set).size
  } catch {
    // Said below.
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
    // What the platform says of it repeats a part of it.
    if (thrown instanceof SyntaxError) throw new Error('the answer is no JSON')
    // Of what fetch throws, the cause says why. Some platforms repeat the address, and in its query
    // there may be a password.
    const error = (thrown as Error).cause ?? thrown
    const { search } = url
    throw search === '' ? error : new Error(messageOf(error).split(search).join(''))
  }
}

async function fetchText(url: URL, deadlineMilliseconds: number): Promise<string> {
  const signal = AbortSignal.timeout(deadlineMilliseconds)
  // No redirect is followed: an answer that is one has another status.
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal,
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the answer has status ${response.status}`)
  }
  let length = 0
  let text = ''
  const decoder = new TextDecoder()
  // Left early, it is cancelled.
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > MAX_BYTES) throw new Error(`the answer has more than ${MAX_BYTES} bytes`)
    text += decoder.decode(part, { stream: true })
  }
  return text + decoder.decode()
}

// Keys of kinds that tokens are not signed with may be for others.
function keysOf(
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
    // A private part is not kept.
    return readSigningKey(
      isPlainObject(jwk) ? { ...jwk, d: undefined } : jwk,
      'A key of the set',
      known,
    )
  } catch {
    return undefined
  }
}

// A key that this platform cannot use is passed over as well: a token that names it proves nothing
// here, and the other keys go on.
async function importable(
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
