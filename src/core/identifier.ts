import { sha256 } from '#hash'
import { deadKeyReason, deadReason, type KeyRecord, slotOf } from './api-key.ts'
import { MAX_SECRET_LENGTH } from './bounds.ts'
import { type Cached, NEGATIVE_MAX_AGE_MILLISECONDS } from './cache.ts'
import type { Credential } from './demand.ts'
import { matchSecret, type Pepper } from './digest.ts'
import { aliasIdsOf, type ForeignSecrets } from './foreign.ts'
import { holderOfToken, type Identity } from './identity.ts'
import { type CachedKey, holderIn, type KeyCache } from './key-cache.ts'
import { REFUSALS, type Refusal, type RefusalReason } from './refusal.ts'
import type { Scope } from './scope.ts'
import { hasOurPrefix, isWellFormed, keyIdOf, type Slot } from './secret.ts'
import { type RememberedToken, type TokenMemory, tokenDigest } from './token-memory.ts'
import { isTokenLike, type TokenClaims } from './tokens.ts'

/** Why not, for the caller and for the operator. */
export class Denial {
  constructor(
    readonly refusal: Refusal,
    readonly reason: RefusalReason | undefined,
    readonly keyId?: string,
    /** Whether the credential is not one of ours, so that another scheme may know it. */
    readonly foreign = false,
  ) {}
}

/** Something that must be asked before the decision can go on. */
export class Question {
  constructor(readonly ask: (known: Known) => Promise<void>) {}
}

/** What one decision has learned by asking. Held for that decision only, so that no cache can lose it half way. */
export interface Known {
  readonly keys: Map<string, CachedKey>
  /** When the request came in. */
  readonly since: number
  token?: TokenClaims | RefusalReason
  owner?: Cached<Scope>
  /** Whether what was known last counts, however old it is: for whether a credential was let in lately, not for whether it is now. */
  readonly anyAge?: true
}

/** What credentials are told by. */
export interface IdentifierParts {
  readonly keys: KeyCache
  readonly prefixes: readonly string[]
  readonly pepper: Pepper | undefined
  /** The kinds of secrets of other systems that may have been imported. */
  readonly foreign: readonly ForeignSecrets[]
  /** The tokens that were verified before. */
  readonly tokens: TokenMemory
  readonly verifyToken: (text: string, now: number) => Promise<TokenClaims | RefusalReason>
  /** Whether a text says, unverified, that it is a token of ours. */
  readonly isOurToken: (text: string) => boolean
  readonly now: () => number
}

/** Whose credential a text is. */
export type Identify = (
  text: string,
  kinds: Credential['kinds'],
  known: Known | undefined,
  at: number,
  form?: RegExp | undefined,
) => Identity | Denial | Question

/** The second step of every decision: from the text of a credential to a live key. */
export function createIdentifier({ keys, prefixes, pepper, foreign, tokens, verifyToken, isOurToken, now }: IdentifierParts): Identify {
  function identifySecret(text: string, keyId: string, known: Known | undefined, at: number): Identity | Denial | Question {
    const cached = recall(keyId, known, at)
    // Where the id is known the digest decides. Where it is not, the checksum keeps a typo or a made-up string from the store.
    if (cached === undefined) return isWellFormed(text) ? askForKey(keyId) : invalid('checksum_wrong')
    const found = matched(text, cached, at)
    return found instanceof Denial && isWellFormed(text) ? unlessOutdated(found, text, keyId, cached, known, at) : found
  }

  // Whose imported secret a text is: undefined where none of that text was imported.
  function identifyImported(
    text: string,
    known: Known | undefined,
    at: number,
    form: RegExp | undefined,
  ): Identity | Denial | Question | undefined {
    let last: Denial | undefined
    for (const aliasId of aliasIdsOf(text, foreign, prefixes, pepper)) {
      if (form?.test(text) === false) return new Denial(REFUSALS.credentialMalformed, undefined)
      const alias = recall(aliasId, known, at)
      if (alias === undefined) return askForKey(aliasId)
      if (alias.value?.kind !== 'alias') continue
      const { keyId } = alias.value
      const cached = recall(keyId, known, at)
      if (cached === undefined) return askForKey(keyId)
      const match = matched(text, cached, at)
      const found = match instanceof Denial ? unlessOutdated(match, text, keyId, cached, known, at) : match
      if (!(found instanceof Denial)) return found
      // An alias that was left behind must not hide one of another kind.
      last = found
    }
    return last
  }

  function matched(text: string, cached: CachedKey, at: number): Identity | Denial {
    const { value: record } = cached
    const slot = matchSecret(text, record === null ? undefined : cached, pepper)
    const holder = slot === 'primary' || slot === 'secondary' ? holderIn(cached, slot) : undefined
    if (holder !== undefined) return ifLive(holder, at)
    if (record?.kind !== 'key') return invalid('key_unknown')
    // A key that is dead in any case needs no pepper to be refused.
    const dead = slot === 'pepper_missing' ? deadKeyReason(record, at) : undefined
    if (dead !== undefined) return invalid(dead, record.id)
    if (slot === 'pepper_missing') return new Denial(REFUSALS.unavailable, 'pepper_missing', record.id)
    return invalid('secret_wrong', record.id)
  }

  function identifyToken(text: string, known: Known | undefined, at: number): Identity | Denial | Question {
    const digest = known?.token === undefined ? tokenDigest(text) : undefined
    const remembered = tokens.recall(digest, at)
    const claims = remembered?.claims ?? known?.token
    if (claims === undefined) {
      return new Question(async (learned) => {
        const verified = await verifyToken(text, now())
        learned.token = verified
        if (digest && typeof verified !== 'string') tokens.keep(digest, verified)
      })
    }
    if (typeof claims === 'string') return invalid(claims, undefined, !isOurToken(text))
    if (at >= claims.expiresAt) return invalid('token_expired', claims.keyId)
    const cached = recall(claims.keyId, known, at)
    if (cached === undefined) return askForKey(claims.keyId)
    if (cached.value?.kind !== 'key') return invalid('key_unknown', claims.keyId)
    const slot = slotOf(cached.value, claims.secretId)
    const secret = slot && holderIn(cached, slot)
    const found = secret === undefined ? invalid('secret_replaced', claims.keyId) : ifLive(heldBy(secret, claims, remembered), at)
    return found instanceof Denial ? unlessOutdated(found, text, claims.keyId, cached, known, at) : found
  }

  function heldBy(secret: Identity, claims: TokenClaims, remembered: RememberedToken | undefined): Identity {
    if (remembered?.identity?.mintedBy === secret) return remembered.identity
    const identity = holderOfToken(secret, claims)
    if (remembered !== undefined) remembered.identity = identity
    return identity
  }

  function recall(id: string, known: Known | undefined, at: number): CachedKey | undefined {
    return keys.peek(id, at) ?? (known?.anyAge ? keys.last(id) : keys.ifCurrent(id, known?.keys.get(id)))
  }

  // Nobody is refused by what was known before the request came in: the key may have been rotated or enabled meanwhile by another process. But a caller
  // who goes on with what was refused makes the store no busier than one whose key is not there.
  function unlessOutdated(
    denial: Denial,
    text: string,
    keyId: string,
    cached: CachedKey,
    known: Known | undefined,
    at: number,
  ): Denial | Question {
    const digest = sha256(text)
    const since = known?.since ?? at
    const believed = cached.refused === digest ? Math.min(since, at - NEGATIVE_MAX_AGE_MILLISECONDS + 1) : since
    if (cached.value !== null && !keys.isSince(cached, believed)) return askForKey(keyId)
    cached.refused = digest
    return denial
  }

  function askForKey(id: string): Question {
    return new Question(async (learned) => {
      learned.keys.set(id, await keys.load(id))
    })
  }

  return (text, kinds, known, at, form) => {
    const keyId = keyIdOf(text, prefixes)
    if (keyId !== undefined || hasOurPrefix(text, prefixes)) {
      if (kinds === 'token') return invalid('kind_not_accepted')
      return keyId === undefined || text.length > MAX_SECRET_LENGTH ? invalid('secret_malformed') : identifySecret(text, keyId, known, at)
    }
    const mayBeToken = kinds !== 'secret' && isTokenLike(text)
    if (kinds === 'token') return mayBeToken ? identifyToken(text, known, at) : invalid('token_malformed', undefined, true)
    // Before a token, because a secret of another system may look like one, even like one of ours. No token is as short as a secret may be.
    const imported = identifyImported(text, known, at, form)
    if (imported !== undefined) return imported
    const found = mayBeToken ? identifyToken(text, known, at) : undefined
    if (found !== undefined && !(found instanceof Denial && found.foreign)) return found
    return isOurToken(text) ? invalid('kind_not_accepted') : invalid('prefix_unknown', undefined, true)
  }
}

/** The refusal `credential_invalid`: to the caller all reasons look the same. */
export function invalid(reason: RefusalReason, keyId?: string, foreign = false): Denial {
  return new Denial(REFUSALS.credentialInvalid, reason, keyId, foreign)
}

// The one place that asks whether a key and its slot are live, for secrets and tokens alike.
function ifLive(identity: Identity, at: number): Identity | Denial {
  if (identity.livesUntil === null || at < identity.livesUntil) return identity
  const { key, slot } = identity as { key: KeyRecord; slot: Slot }
  return invalid(deadReason(key, slot, at) ?? 'token_expired', key.id)
}
