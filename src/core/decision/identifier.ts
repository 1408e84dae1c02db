import { sha256 } from '#hash'
import { NEGATIVE_MAX_AGE_MILLISECONDS } from '../cache/cache.ts'
import { inactiveKeyReason, inactiveReason, type KeyRecord, slotOf } from '../model/api-key.ts'
import { MAX_SECRET_LENGTH } from '../model/checks.ts'
import { TwinkeyError } from '../model/error.ts'
import { REFUSALS, type Refusal, type RefusalReason } from '../model/refusal.ts'
import { matchSecret, type Pepper } from '../secrets/digest.ts'
import { aliasIdsOf, type ImportedSecretFormat } from '../secrets/imported-secrets.ts'
import { hasOurPrefix, isWellFormed, keyIdOf, type Slot } from '../secrets/secret.ts'
import { isTokenLike, type TokenHeader } from '../tokens/token.ts'
import { type Identity, identityForToken } from './identity.ts'
import { type CachedKey, identityInSlot, type KeyCache } from './key-cache.ts'
import type { Credential } from './route-requirement.ts'
import { type Steps, wait } from './steps.ts'
import type { RememberedToken } from './token-memory.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** Why a credential is refused, for the caller and for the operator. */
export class CredentialDenial {
  constructor(
    readonly refusal: Refusal,
    readonly reason: RefusalReason | undefined,
    readonly keyId?: string,
    /** Whether the credential was not issued here, so that another scheme may know it. */
    readonly issuedElsewhere = false,
  ) {}
}

/** A credential that passed every check that needs neither the store nor a signature. */
export type Inspected =
  | { readonly kind: 'secret'; readonly text: string; readonly keyId: string }
  | InspectedToken
  | {
      readonly kind: 'imported'
      readonly text: string
      readonly aliasIds: readonly string[]
      /** What the text is if it was not imported: a token, or why it is neither. */
      readonly otherwise: InspectedToken | CredentialDenial
    }

type InspectedToken = {
  readonly kind: 'token'
  readonly text: string
  readonly kinds: Credential['kinds']
  readonly header: TokenHeader
}

/** The second step of every decision: from the text of a credential to an active key. */
export interface Identifier {
  /**
   * Recognises an active credential by what this process remembers, without waiting.
   *
   * @param age `fresh` by default. `any` takes records of any age: enough to spare a caller the
   *   throttle, never to let a request in.
   * @returns Undefined if the credential must be inspected and identified.
   */
  recognise(
    credential: Pick<Credential, 'text' | 'form'>,
    kinds: Credential['kinds'],
    at: number,
    age?: 'fresh' | 'any',
  ): Identity | undefined
  /**
   * Checks length, form, checksum, and header and `kid` of a token. Asks nothing and grants
   * nothing.
   */
  inspect(
    credential: Pick<Credential, 'text' | 'form'>,
    kinds: Credential['kinds'],
  ): Inspected | CredentialDenial
  /**
   * Finds the active key of an inspected credential.
   *
   * @param since When the request arrived. A record that was loaded before is reloaded before it
   *   refuses anything.
   */
  identify(inspected: Inspected, since: number): Steps<Identity | CredentialDenial>
  /**
   * Whether the key was neither invalidated nor replaced in the cache since the identity was made.
   */
  isCurrent(identity: Identity, at: number): boolean
}

/** What credentials are identified by. */
export interface IdentifierParts {
  readonly keys: KeyCache
  readonly prefixes: readonly string[]
  readonly pepper: Pepper | undefined
  /** The kinds of secrets of other systems that may have been imported. */
  readonly importedSecrets: readonly ImportedSecretFormat[]
  readonly tokens: TokenVerifier
  readonly now: () => number
}

// A key is loaded once, and again if its record is older than the request. More often means that
// the clock or the feed is wrong.
const MAX_LOADS = 50

export function createIdentifier({
  keys,
  prefixes,
  pepper,
  importedSecrets,
  tokens,
  now,
}: IdentifierParts): Identifier {
  function peek(id: string, at: number, age: 'fresh' | 'any'): CachedKey | undefined {
    return keys.peek(id, at) ?? (age === 'any' ? keys.last(id) : undefined)
  }

  function recogniseImported(text: string, at: number, age: 'fresh' | 'any'): Identity | undefined {
    for (const aliasId of aliasIdsOf(text, importedSecrets, prefixes, pepper)) {
      const alias = peek(aliasId, at, age)?.value
      const cached = alias?.kind === 'alias' ? peek(alias.keyId, at, age) : undefined
      const found = cached && matchedSecret(text, cached, at)
      if (found !== undefined && !(found instanceof CredentialDenial)) return found
    }
    return undefined
  }

  function* identifyToken(
    { text, kinds, header }: InspectedToken,
    since: number,
  ): Steps<Identity | CredentialDenial> {
    const token = tokens.recall(text, now()) ?? (yield* wait(tokens.verify(text, header)))
    if (typeof token === 'string') return noToken(text, kinds, token)
    const { keyId, expiresAt } = token.claims
    if (now() >= expiresAt) return invalid('token_expired', keyId)
    return yield* settle(keyId, text, since, (cached, at) => matchedToken(token, cached, at))
  }

  function* identifyImported(
    inspected: Inspected & { kind: 'imported' },
    since: number,
  ): Steps<Identity | CredentialDenial> {
    const { text, aliasIds, otherwise } = inspected
    let last: CredentialDenial | undefined
    for (const aliasId of aliasIds) {
      const found = yield* identifyAlias(aliasId, text, since)
      if (found !== undefined && !(found instanceof CredentialDenial)) return found
      // An alias that was left behind must not hide one of another kind.
      last = found ?? last
    }
    if (last !== undefined || otherwise instanceof CredentialDenial)
      return last ?? (otherwise as CredentialDenial)
    return yield* identifyToken(otherwise, since)
  }

  // The alias may be outdated as its key may be: the secret may have been imported again, for
  // another key. Undefined if there is no alias.
  function* identifyAlias(
    aliasId: string,
    text: string,
    since: number,
  ): Steps<Identity | CredentialDenial | undefined> {
    let alias = keys.peek(aliasId, now())
    let from = since
    for (let loads = 0; loads < MAX_LOADS; loads++) {
      if (alias === undefined) from = Math.min(from, now())
      alias ??= yield* wait(keys.load(aliasId))
      if (alias.value?.kind !== 'alias') return undefined
      const found = yield* settle(alias.value.keyId, text, since, (cached, at) =>
        matchedSecret(text, cached, at),
      )
      if (!(found instanceof CredentialDenial) || !isOutdated(alias, text, from)) return found
      alias = undefined
    }
    return yield* forgottenAgain()
  }

  function inspectToken(
    text: string,
    kinds: Credential['kinds'],
  ): InspectedToken | CredentialDenial {
    const header = tokens.inspect(text)
    return typeof header === 'string'
      ? noToken(text, kinds, header)
      : { kind: 'token', text, kinds, header }
  }

  // Where a secret could stand as well, a text of another issuer was not imported either.
  function noToken(
    text: string,
    kinds: Credential['kinds'],
    reason: RefusalReason,
  ): CredentialDenial {
    const isForeign = !tokens.isOwn(text)
    return invalid(isForeign && kinds !== 'token' ? 'prefix_unknown' : reason, undefined, isForeign)
  }

  function notImported(text: string): CredentialDenial {
    return tokens.isOwn(text)
      ? invalid('kind_not_accepted')
      : invalid('prefix_unknown', undefined, true)
  }

  // Never refuses because of a record that was loaded before the request arrived: another process
  // may have rotated or enabled the key since. If the clock has gone back since then, what is
  // loaded from now on was loaded after the request all the same.
  function* settle(
    keyId: string,
    text: string,
    since: number,
    match: (cached: CachedKey, at: number) => Identity | CredentialDenial,
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
    return yield* forgottenAgain()
  }

  // A credential that was refused within the last second is refused by the same record, so that
  // repeating it does not make the store busy.
  function isOutdated(cached: CachedKey, text: string, since: number): boolean {
    const digest = sha256(text)
    const believed =
      cached.refused === digest ? Math.min(since, now() - NEGATIVE_MAX_AGE_MILLISECONDS + 1) : since
    if (cached.value !== null && !keys.isSince(cached, believed)) return true
    cached.refused = digest
    return false
  }

  function matchedSecret(text: string, cached: CachedKey, at: number): Identity | CredentialDenial {
    const { value: record } = cached
    const slot = matchSecret(text, record === null ? undefined : cached, pepper)
    const holder =
      slot === 'primary' || slot === 'secondary' ? identityInSlot(cached, slot) : undefined
    if (holder !== undefined) return ifActive(holder, at)
    if (record?.kind !== 'key') return invalid('key_unknown')
    // A key that is inactive in any case needs no pepper to be refused.
    const dead = slot === 'pepper_missing' ? inactiveKeyReason(record, at) : undefined
    if (dead !== undefined) return invalid(dead, record.id)
    if (slot === 'pepper_missing')
      return new CredentialDenial(REFUSALS.unavailable, 'pepper_missing', record.id)
    return invalid('secret_wrong', record.id)
  }

  return {
    recognise({ text, form }, kinds, at, age = 'fresh') {
      const keyId = keyIdOf(text, prefixes)
      if (keyId !== undefined) {
        const cached =
          kinds === 'token' || text.length > MAX_SECRET_LENGTH ? undefined : peek(keyId, at, age)
        return cached && orUndefined(matchedSecret(text, cached, at))
      }
      const mayBeImported =
        kinds !== 'token' && importedSecrets.length > 0 && form?.test(text) !== false
      const imported = mayBeImported ? recogniseImported(text, at, age) : undefined
      if (imported !== undefined || kinds === 'secret' || !isTokenLike(text)) return imported
      const token = tokens.recall(text, at, age)
      const cached = token && peek(token.claims.keyId, at, age)
      return cached && orUndefined(matchedToken(token, cached, at))
    },
    inspect({ text, form }, kinds) {
      if (form?.test(text) === false)
        return new CredentialDenial(REFUSALS.credentialMalformed, undefined)
      const keyId = keyIdOf(text, prefixes)
      if (keyId !== undefined || hasOurPrefix(text, prefixes)) {
        if (kinds === 'token') return invalid('kind_not_accepted')
        if (keyId === undefined || text.length > MAX_SECRET_LENGTH)
          return invalid('secret_malformed')
        return isWellFormed(text) ? { kind: 'secret', text, keyId } : invalid('checksum_wrong')
      }
      const token = kinds !== 'secret' && isTokenLike(text) ? inspectToken(text, kinds) : undefined
      if (kinds === 'token') return token ?? invalid('token_malformed', undefined, true)
      // Looked up before a token is, because a secret of another system may look like one of our
      // tokens. No token is as short as such a secret.
      const aliasIds = aliasIdsOf(text, importedSecrets, prefixes, pepper)
      const otherwise = token ?? notImported(text)
      return aliasIds.length === 0 ? otherwise : { kind: 'imported', text, aliasIds, otherwise }
    },
    *identify(inspected, since) {
      if (inspected.kind === 'token') return yield* identifyToken(inspected, since)
      if (inspected.kind === 'imported') return yield* identifyImported(inspected, since)
      const { text, keyId } = inspected
      return yield* settle(keyId, text, since, (cached, at) => matchedSecret(text, cached, at))
    },
    isCurrent({ source, holder }, at) {
      const newest = keys.peek(holder.id, at)
      return newest === undefined
        ? keys.ifCurrent(holder.id, source as CachedKey) !== undefined
        : newest === source
    },
  }
}

/** The refusal `credential_invalid`: to the caller all reasons look the same. */
export function invalid(
  reason: RefusalReason,
  keyId?: string,
  issuedElsewhere = false,
): CredentialDenial {
  return new CredentialDenial(REFUSALS.credentialInvalid, reason, keyId, issuedElsewhere)
}

/**
 * Ends a decision whose data was invalidated again and again while it was loaded: as unavailable.
 */
export function* forgottenAgain(): Steps<never> {
  const message = 'What a decision needs was forgotten again and again while it was read.'
  return yield* wait(Promise.reject(new TwinkeyError('store_unavailable', message)))
}

function matchedToken(
  token: RememberedToken,
  cached: CachedKey,
  at: number,
): Identity | CredentialDenial {
  const { claims } = token
  if (cached.value?.kind !== 'key') return invalid('key_unknown', claims.keyId)
  const slot = slotOf(cached.value, claims.secretId)
  const secret = slot && identityInSlot(cached, slot)
  if (secret === undefined) return invalid('secret_replaced', claims.keyId)
  if (token.identity?.mintedBy !== secret) token.identity = identityForToken(secret, claims)
  return ifActive(token.identity, at)
}

// The one place that asks whether a key and its slot are active, for secrets and tokens alike.
function ifActive(identity: Identity, at: number): Identity | CredentialDenial {
  if (identity.validUntil === null || at < identity.validUntil) return identity
  const { key, slot } = identity as { key: KeyRecord; slot: Slot }
  return invalid(inactiveReason(key, slot, at) ?? 'token_expired', key.id)
}

function orUndefined(found: Identity | CredentialDenial): Identity | undefined {
  return found instanceof CredentialDenial ? undefined : found
}
