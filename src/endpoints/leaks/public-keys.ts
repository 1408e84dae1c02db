import type { CryptoKey } from 'jose'
import { isPlainObject } from '../../core/model/checks.ts'
import { withTimeout } from '../../core/store/timeout.ts'
import { readResponseText } from '../../http/response-text.ts'
import { readPublicKey } from './signature.ts'

/** Finds the keys with which a scanning programme signs its reports. */
export interface PublicKeys {
  /**
   * Returns the current key with this identifier, or undefined.
   *
   * @throws Error if no known key has the identifier and the list cannot be loaded now: it failed, or
   *   was loaded too often. The error is the same object until the list is loaded again.
   */
  find(id: string): Promise<CryptoKey | undefined>
}

/** Loads a list of keys: `fetch`, or a function with its form. */
export type FetchKeys = (url: string, init: RequestInit) => Promise<Response>

/** Where the keys are. */
export interface PublicKeysParts {
  readonly url: string
  readonly fetch: FetchKeys
  readonly now: () => number
}

const MAX_BYTES = 64 * 1024
const MAX_KEYS = 32
const DEADLINE_MILLISECONDS = 5_000
const MAX_AGE_MILLISECONDS = 3_600_000
// An unknown identifier is wrong if the list is younger than this. Otherwise the key may be new.
const CURRENT_MILLISECONDS = 5_000
const FAILED_AFTER_MILLISECONDS = 30_000
// GitHub allows 60 requests an hour without a token. Reports with made-up identifiers must not use
// them up, because then the list could not be loaded for a real report. These make at most 35.
const MAX_LOADS_AT_ONCE = 5
const LOAD_EVERY_MILLISECONDS = 120_000
// A key that was withdrawn must not be trusted for longer if the list cannot be loaded.
const MAX_TRUST_MILLISECONDS = 86_400_000

interface List {
  readonly keys: ReadonlyMap<string, CryptoKey>
  readonly loadedAt: number
}

/**
 * Keeps the list of public keys for an hour. Loads it earlier for an unknown identifier, so that a
 * new key works at once. Loads at most five times in a row, and then once in two minutes. If loading
 * fails, the last list stays in use for up to a day, and the next attempt is half a minute later.
 */
export function createPublicKeys({ url, fetch, now }: PublicKeysParts): PublicKeys {
  let list: List | undefined
  let loading: Promise<void> | undefined
  let failure: { readonly at: number; readonly error: unknown } | undefined
  let exhausted: Error | undefined
  const takeLoad = createAllowance(MAX_LOADS_AT_ONCE, LOAD_EVERY_MILLISECONDS, now)

  async function load(): Promise<void> {
    exhausted = undefined
    try {
      const keys = await withTimeout(
        DEADLINE_MILLISECONDS,
        'store_unavailable',
        'The public keys of GitHub could not be loaded',
        () => fetchKeys(url, fetch),
      )
      list = { keys, loadedAt: now() }
      failure = undefined
    } catch (error) {
      failure = { at: now(), error }
    }
  }

  const isYoungerThan = (milliseconds: number) =>
    list !== undefined && now() - list.loadedAt < milliseconds

  function trusted(): List | undefined {
    return isYoungerThan(MAX_TRUST_MILLISECONDS) ? list : undefined
  }

  function needsLoad(id: string): boolean {
    if (failure !== undefined && now() - failure.at < FAILED_AFTER_MILLISECONDS) return false
    return !isYoungerThan(list?.keys.has(id) ? MAX_AGE_MILLISECONDS : CURRENT_MILLISECONDS)
  }

  return {
    async find(id) {
      if (loading === undefined && needsLoad(id) && takeLoad()) {
        loading = load().finally(() => {
          loading = undefined
        })
      }
      if (loading !== undefined && trusted()?.keys.has(id) !== true) await loading
      const key = trusted()?.keys.get(id)
      if (key !== undefined) return key
      // GitHub may list a key by now that an older list lacks.
      if (failure !== undefined) throw failure.error
      if (isYoungerThan(CURRENT_MILLISECONDS)) return undefined
      exhausted ??= new Error('The public keys of GitHub were loaded too often to load them again')
      throw exhausted
    },
  }
}

/** Allows so many calls at once, and one more each time. */
function createAllowance(most: number, everyMilliseconds: number, now: () => number) {
  const full = most * everyMilliseconds
  // When all calls are allowed again.
  let fullAt = 0
  return (): boolean => {
    const at = now()
    // Not later than possible, if the clock was set back.
    fullAt = Math.min(Math.max(fullAt, at), at + full)
    if (fullAt + everyMilliseconds > at + full) return false
    fullAt += everyMilliseconds
    return true
  }
}

async function fetchKeys(url: string, fetch: FetchKeys): Promise<ReadonlyMap<string, CryptoKey>> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', 'user-agent': 'twinkey' },
    // Not 'error', which Workers lack. The status of a redirect is not 200.
    redirect: 'manual',
    signal: AbortSignal.timeout(DEADLINE_MILLISECONDS),
  })
  const listed = keysOf(JSON.parse(await readResponseText(response, MAX_BYTES)))
  const keys = new Map<string, CryptoKey>()
  for (const { id, pem } of listed) {
    const key = await readPublicKey(pem)
    if (key !== undefined) keys.set(id, key)
  }
  // An empty list would replace a good one.
  if (keys.size === 0) throw new Error('the response has no current key')
  return keys
}

// Only current keys: GitHub may have withdrawn the others.
function keysOf(document: unknown): { readonly id: string; readonly pem: string }[] {
  const listed = isPlainObject(document) ? document['public_keys'] : undefined
  if (!Array.isArray(listed) || listed.length > MAX_KEYS)
    throw new Error(`the response has no list of at most ${MAX_KEYS} public_keys`)
  return listed.flatMap((each: unknown) => {
    if (!isPlainObject(each)) return []
    const { key_identifier: id, key: pem, is_current: isCurrent } = each
    return typeof id === 'string' && typeof pem === 'string' && isCurrent === true
      ? [{ id, pem }]
      : []
  })
}
