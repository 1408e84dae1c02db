import { withTimeout } from '../core/store/timeout.ts'
import type { SigningKey } from '../core/tokens/signing-key.ts'
import { type JwksSource, keysOf, sourceOf, withoutUnsupported } from './jwks-source.ts'

/** The current keys of a JWK set. */
export interface RemoteKeys {
  /**
   * Finds a key by its RFC 7638 thumbprint. Rejects with `jwks_unavailable` if the set cannot be
   * loaded.
   */
  find(kid: string): Promise<SigningKey | undefined>
  /** Whether there is a usable set. Starts a reload in the background if one is due. */
  areUsable(): boolean
  /** Waits for a load in progress. Rejects with `jwks_unavailable` if there is no usable set. */
  refresh(): Promise<void>
  /** Waits for a load in progress. Undefined if there is none. */
  flush(): Promise<void> | undefined
}

// Reloads in the background before the set becomes too old, so that under steady traffic no request
// waits.
const REFRESH_MILLISECONDS = 240_000
const FRESH_MILLISECONDS = 300_000
// While loading fails, the last set is used for up to the maximum lifetime of a token.
const MAX_AGE_MILLISECONDS = 3_600_000
// Limits the load on the source, even if requests use invented key ids.
const COOLDOWN_MILLISECONDS = 10_000
// How long a failed load counts as an outage. Under traffic the load is retried sooner. After a
// pause without requests, an old failure says nothing about the present.
const DOWN_MILLISECONDS = 30_000
// Without a usable set, loading is retried after the Retry-After of the refusals.
const RETRY_MILLISECONDS = 2000

/**
 * Loads a JWK set when it is first needed, again after four minutes, and for an unknown key id at
 * most every ten seconds. A set is used for up to five minutes, or for up to an hour while loading
 * fails.
 *
 * @param onRemoved Called when a key is no longer in the set.
 */
export function remoteKeys(
  source: JwksSource,
  deadlineMilliseconds: number,
  now: () => number,
  onRemoved: () => void,
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
      `The JWK set could not be loaded from ${place}`,
      call,
    )
  const isOlder = (at: number, milliseconds: number) => Math.abs(now() - at) >= milliseconds
  const isDown = () => failure !== undefined && !isOlder(triedAt, DOWN_MILLISECONDS)
  const isUsable = () =>
    keys !== undefined && !isOlder(loadedAt, isDown() ? MAX_AGE_MILLISECONDS : FRESH_MILLISECONDS)
  const isDue = () =>
    (keys === undefined || isOlder(loadedAt, REFRESH_MILLISECONDS)) &&
    isOlder(triedAt, isUsable() ? COOLDOWN_MILLISECONDS : RETRY_MILLISECONDS)

  function load(): void {
    // A host may abandon a load when its request ends, so that it never settles. After twice the
    // deadline, start another one.
    if (loading !== undefined && !isOlder(triedAt, 2 * deadlineMilliseconds)) return
    const at = now()
    triedAt = at
    const mine = inTime(async () => withoutUnsupported(keysOf(await get(), keys))).then(
      (found) => {
        if (loading !== mine) return
        const gone = [...(keys?.keys() ?? [])].some((kid) => !found.has(kid))
        keys = found
        loadedAt = at
        failure = loading = undefined
        if (gone) onRemoved()
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
