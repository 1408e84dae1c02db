import { deadReason, type KeyRecord, type Metadata, slotOf } from './api-key.ts'
import { MAX_SECRET_LENGTH } from './bounds.ts'
import type { Cache, Cached } from './cache.ts'
import type { Credential, Demand } from './demand.ts'
import type { Emit } from './events.ts'
import { isTwinkeyError } from './fault.ts'
import type { CachedKey, KeyCache } from './key-cache.ts'
import type { Allowed, Anonymous, Decision, Principal } from './principal.ts'
import { denied, isRefusal, REFUSALS, type Refusal, type RefusalReason } from './refusal.ts'
import { freezeScope, intersect, type Scope, type Target } from './scope.ts'
import { checksumHolds, hasOurPrefix, keyIdOf, matchSecret, type Pepper, type Slot } from './secret.ts'
import { firstUncovered, resolveTarget } from './target.ts'
import type { TokenClaims } from './tokens.ts'
import type { Usage } from './usage.ts'

/** A live secret of a live key, or a token that one of them minted. */
interface Identity {
  readonly key: KeyRecord
  readonly slot: Slot
  readonly via: 'secret' | 'token'
  /** What the credential reaches before its owner is asked: the key's scope, cut by the token's. */
  readonly scope: Scope
  readonly usedAt: CachedKey['usedAt']
}

/** The holder of a credential, without a request: the principal has no target. */
export interface Identified<M extends Metadata> {
  readonly key: KeyRecord
  readonly slot: Slot
  readonly principal: Principal<M>
}

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
class Question {
  constructor(readonly ask: (known: Known) => Promise<void>) {}
}

/** What one decision has learned by asking. Held for that decision only, so that no cache can lose it half way. */
interface Known {
  readonly keys: Map<string, Cached<CachedKey>>
  token?: TokenClaims | RefusalReason
  owner?: Cached<Scope>
}

/** What decisions are made from. */
export interface AuthenticatorParts {
  readonly keys: KeyCache
  readonly owners: Cache<Scope> | undefined
  readonly usage: Usage
  readonly prefixes: readonly string[]
  readonly pepper: Pepper | undefined
  /** The environments that this deployment serves, or undefined where that is not configured. */
  readonly environments: readonly string[] | undefined
  readonly verifyToken: (text: string, now: number) => Promise<TokenClaims | RefusalReason>
  /** Whether a text that is no secret of ours is a token of ours, unverified. */
  readonly isOurToken: (text: string) => boolean
  readonly emit: Emit | undefined
  readonly now: () => number
}

/** The ONE place that decides, and the order in which it does. */
export interface Authenticator<M extends Metadata = Metadata> {
  /** Decides about a request. Resolves to a refusal where it is not let in; rejects for nothing but a bug. */
  authenticate<R>(request: R, demand: Demand<R>): Promise<Decision<M> | Anonymous>
  /** The same decision where everything it needs is known already; undefined where a store or a signature must be asked. */
  authenticateNow<R>(request: R, demand: Demand<R>): Decision<M> | Anonymous | undefined
  /** Who a credential of one kind belongs to and what it reaches at this moment, without a request. */
  identify(text: string, kind: 'secret' | 'token'): Promise<Identified<M> | Denial>
}

export function createAuthenticator<M extends Metadata>(parts: AuthenticatorParts): Authenticator<M> {
  const { keys, owners, usage, prefixes, pepper, environments, emit, now } = parts

  // The order of decisions. Answers a question where something must be asked first; the same steps are then taken again, with what was learned.
  function decide<R>(request: R, demand: Demand<R>, known: Known | undefined, at: number): Allowed<M> | Denial | Question {
    const credential = demand.reader.credential(request)
    if (isRefusal(credential)) return new Denial(credential, undefined, undefined, credential.code === 'credential_missing')

    const kinds = acceptedKinds(credential.kinds, demand)
    const identity = kinds === undefined ? invalid('kind_not_accepted') : identifyFrom(credential.text, kinds, known, at)
    if (identity instanceof Denial || identity instanceof Question) return identity

    const scope = effectiveScope(identity, known, at)
    if (scope instanceof Question) return scope

    const { id } = identity.key
    const target = demand.anyTarget ? NO_TARGET : resolveTarget(request, demand, scope, environments)
    if ('refusal' in target) return new Denial(target.refusal, target.reason, id)
    const uncovered = demand.anyTarget ? undefined : firstUncovered(scope, target)
    if (uncovered !== undefined) return new Denial(denied(uncovered), 'not_covered', id)

    usage.note(identity.key, identity.slot, identity.usedAt, at)
    return { ok: true, principal: principalOf<M>(identity, scope, target), noStore: !credential.shielded }
  }

  function identifyFrom(text: string, kinds: Credential['kinds'], known: Known | undefined, at: number): Identity | Denial | Question {
    const keyId = keyIdOf(text, prefixes)
    if (keyId === undefined && kinds !== 'secret' && !hasOurPrefix(text, prefixes)) return identifyToken(text, known, at)
    if (kinds === 'token') return invalid('kind_not_accepted')
    return identifySecret(text, keyId, known, at)
  }

  function identifySecret(text: string, keyId: string | undefined, known: Known | undefined, at: number): Identity | Denial | Question {
    if (text.length > MAX_SECRET_LENGTH) return invalid('secret_malformed')
    if (keyId === undefined) {
      return hasOurPrefix(text, prefixes) ? invalid('secret_malformed') : invalid('prefix_unknown', undefined, !parts.isOurToken(text))
    }
    const cached = known?.keys.get(keyId) ?? keys.peek(keyId, at)
    // Where the id is known the digest decides. Where it is not, the checksum keeps a typo or a made-up string from the store.
    if (cached === undefined) return checksumHolds(text) ? askForKey(keyId) : invalid('checksum_wrong')
    const record = cached.value?.record
    if (cached.value === null || record?.kind !== 'key') {
      matchSecret(text, undefined, undefined, pepper)
      return invalid('key_unknown')
    }
    const slot = matchSecret(text, record.primary.digest, record.secondary?.digest, pepper)
    if (slot === 'pepper_missing') return new Denial(REFUSALS.unavailable, 'pepper_missing', record.id)
    if (slot === undefined) return invalid('secret_wrong', record.id)
    const dead = deadReason(record, slot, at)
    if (dead !== undefined) return invalid(dead, record.id)
    return { key: record, slot, via: 'secret', scope: record.scope, usedAt: cached.value.usedAt }
  }

  function identifyToken(text: string, known: Known | undefined, at: number): Identity | Denial | Question {
    const claims = known?.token
    if (claims === undefined) {
      return new Question(async (learned) => {
        learned.token = await parts.verifyToken(text, now())
      })
    }
    if (typeof claims === 'string')
      return invalid(claims, undefined, claims === 'token_issuer_unknown' || (claims === 'token_malformed' && !parts.isOurToken(text)))
    if (at >= claims.expiresAt) return invalid('token_expired', claims.keyId)
    const cached = known?.keys.get(claims.keyId) ?? keys.peek(claims.keyId, at)
    if (cached === undefined) return askForKey(claims.keyId)
    const record = cached.value?.record
    if (cached.value === null || record?.kind !== 'key') return invalid('key_unknown', claims.keyId)
    const slot = slotOf(record, claims.secretId)
    if (slot === undefined) return invalid('secret_replaced', record.id)
    const dead = deadReason(record, slot, at)
    if (dead !== undefined) return invalid(dead, record.id)
    return { key: record, slot, via: 'token', scope: intersect(record.scope, claims.scope), usedAt: cached.value.usedAt }
  }

  function effectiveScope({ key, scope }: Identity, known: Known | undefined, at: number): Scope | Question {
    if (owners === undefined || key.owner === null) return scope
    const { owner } = key
    const cached = known?.owner ?? owners.peek(owner, at)
    if (cached === undefined) {
      return new Question(async (learned) => {
        learned.owner = await owners.load(owner)
        // The key may have changed while the owner was asked for, so it is looked up again.
        learned.keys.clear()
      })
    }
    return intersect(scope, cached.value ?? NOTHING)
  }

  function askForKey(id: string): Question {
    return new Question(async (learned) => {
      learned.keys.set(id, await keys.load(id))
    })
  }

  function conclude(outcome: Allowed<M> | Denial, demand: Pick<Demand<never>, 'optional'>, at: number): Decision<M> | Anonymous {
    if (outcome instanceof Denial) {
      if (demand.optional && outcome.foreign) return ANONYMOUS
      refused(outcome, at)
      return { ok: false, refusal: outcome.refusal }
    }
    if (emit !== undefined) {
      const { keyId, slot, via, tenant, environment, workflow } = outcome.principal
      emit({ type: 'access.allowed', at, keyId, slot, via, tenant, environment, workflow })
    }
    return outcome
  }

  function refused({ refusal, reason, keyId }: Denial, at: number): void {
    emit?.({ type: 'access.refused', at, code: refusal.code, reason, keyId })
  }

  // Takes the steps until they end, asking what must be asked. Each question is asked once, because its answer is held for this decision.
  async function untilKnown<T>(step: (known: Known | undefined, at: number) => T | Denial | Question): Promise<T | Denial> {
    const known: Known = { keys: new Map() }
    for (;;) {
      const outcome = step(known, now())
      if (!(outcome instanceof Question)) return outcome
      try {
        await outcome.ask(known)
      } catch (error) {
        return unavailable(error)
      }
    }
  }

  return {
    async authenticate(request, demand) {
      return conclude(await untilKnown((known, at) => decide(request, demand, known, at)), demand, now())
    },
    authenticateNow(request, demand) {
      const at = now()
      const outcome = decide(request, demand, undefined, at)
      return outcome instanceof Question ? undefined : conclude(outcome, demand, at)
    },
    async identify(text, kind) {
      const outcome = await untilKnown((known, at) => {
        const identity = identifyFrom(text, kind, known, at)
        if (identity instanceof Denial || identity instanceof Question) return identity
        const scope = effectiveScope(identity, known, at)
        if (scope instanceof Question) return scope
        usage.note(identity.key, identity.slot, identity.usedAt, at)
        return { key: identity.key, slot: identity.slot, principal: principalOf<M>(identity, scope, NO_TARGET) }
      })
      if (outcome instanceof Denial) refused(outcome, now())
      return outcome
    },
  }

  function unavailable(error: unknown): Denial {
    const owner = isTwinkeyError(error) && error.code === 'owner_unavailable'
    const type = owner ? 'warning.owner_lookup_failed' : 'warning.store_failed'
    emit?.({ type, at: now(), message: 'A request could not be decided and was refused as unavailable. Look at the error.', error })
    return new Denial(REFUSALS.unavailable, owner ? 'owner_lookup_failed' : 'store_failed')
  }
}

const NO_TARGET: Target = Object.freeze({})
const NOTHING: Scope = Object.freeze({ tenants: [], environments: [], workflows: [] })
const ANONYMOUS: Anonymous = Object.freeze({ ok: true, principal: undefined, noStore: false })

function principalOf<M extends Metadata>(
  { key, slot, via }: Identity,
  scope: Scope,
  { tenant, environment, workflow }: Target,
): Principal<M> {
  const { id, name, owner, metadata } = key
  const reached = scope === key.scope ? scope : freezeScope(scope)
  return Object.freeze({ keyId: id, name, owner, metadata: metadata as M, slot, via, tenant, environment, workflow, scope: reached })
}

function invalid(reason: RefusalReason, keyId?: string, foreign = false): Denial {
  return new Denial(REFUSALS.credentialInvalid, reason, keyId, foreign)
}

function acceptedKinds(kinds: Credential['kinds'], { acceptsSecret, acceptsToken }: Demand<never>): Credential['kinds'] | undefined {
  const secret = acceptsSecret && kinds !== 'token'
  const token = acceptsToken && kinds !== 'secret'
  if (secret && token) return 'either'
  if (secret) return 'secret'
  return token ? 'token' : undefined
}
