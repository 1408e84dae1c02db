import { sha256 } from '#hash'
import { invalidatedTooOften, NEGATIVE_MAX_AGE_MILLISECONDS } from '../cache/cache.ts'
import { CredentialDenial } from './denial.ts'
import type { Identity } from './identity.ts'
import type { CachedKey, KeyCache } from './key-cache.ts'
import { type Steps, wait } from './steps.ts'

/** Compares a credential with the record of a key. */
export type Match = (cached: CachedKey, at: number) => Identity | CredentialDenial

/**
 * Identifies credentials by cached records. Never refuses a credential because of a record that was
 * loaded before the request arrived: another process may have rotated or enabled the key since.
 */
export interface FreshRecords {
  /**
   * Matches a credential with its key.
   *
   * @param since When the request arrived.
   */
  settle(
    keyId: string,
    text: string,
    since: number,
    match: Match,
  ): Steps<Identity | CredentialDenial>
  /**
   * Matches a credential with its key through an alias. Returns undefined if there is no alias with
   * that id.
   */
  settleAlias(
    aliasId: string,
    text: string,
    since: number,
    match: Match,
  ): Steps<Identity | CredentialDenial | undefined>
}

// A key is loaded once, and again if its record is older than the request. More loads mean that the
// clock or the feed is wrong.
const MAX_LOADS = 50

export function createFreshRecords(keys: KeyCache, now: () => number): FreshRecords {
  // If the clock has gone back since the request arrived, a record that is loaded from now on is
  // still newer than the request: `from` follows the clock.
  function* settle(
    keyId: string,
    text: string,
    since: number,
    match: Match,
  ): Steps<Identity | CredentialDenial> {
    let cached = keys.peek(keyId, now())
    let from = since
    for (let loads = 0; loads < MAX_LOADS; loads++) {
      if (cached === undefined) from = Math.min(from, now())
      cached ??= yield* wait(keys.load(keyId))
      const found = match(cached, now())
      if (!(found instanceof CredentialDenial) || !isOutdated(cached, text, from)) return found
      cached = undefined
    }
    return yield* failInvalidated()
  }

  // The alias may be outdated just as its key may be: the secret may have been imported again, for
  // another key.
  function* settleAlias(
    aliasId: string,
    text: string,
    since: number,
    match: Match,
  ): Steps<Identity | CredentialDenial | undefined> {
    let alias = keys.peek(aliasId, now())
    let from = since
    for (let loads = 0; loads < MAX_LOADS; loads++) {
      if (alias === undefined) from = Math.min(from, now())
      alias ??= yield* wait(keys.load(aliasId))
      if (alias.value?.kind !== 'alias') return undefined
      const found = yield* settle(alias.value.keyId, text, since, match)
      if (!(found instanceof CredentialDenial) || !isOutdated(alias, text, from)) return found
      alias = undefined
    }
    return yield* failInvalidated()
  }

  // A credential that was refused within the last second is refused by the same record, so that
  // repeating it does not load the store.
  function isOutdated(cached: CachedKey, text: string, since: number): boolean {
    const digest = sha256(text)
    const acceptedSince =
      cached.refused === digest ? Math.min(since, now() - NEGATIVE_MAX_AGE_MILLISECONDS + 1) : since
    if (cached.value !== null && !keys.isSince(cached, acceptedSince)) return true
    cached.refused = digest
    return false
  }

  return { settle, settleAlias }
}

/** Ends a decision as unavailable: its data was invalidated again during every load. */
export function* failInvalidated(): Steps<never> {
  return yield* wait(Promise.reject(invalidatedTooOften()))
}
