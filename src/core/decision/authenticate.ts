import type { Cached } from '../cache/cache.ts'
import type { OwnerScopes } from '../cache/owner-scopes.ts'
import type { Metadata } from '../model/api-key.ts'
import { isTwinkeyError } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import type { Allowed, Anonymous, Decision } from '../model/principal.ts'
import { denied, isRefusal, type Refusal, unseenOf } from '../model/refusal.ts'
import type { Scope, Target } from '../model/scope.ts'
import { allowedOf, effectiveScope } from './allowed.ts'
import { CredentialDenial, invalid, TargetDenial } from './denial.ts'
import { failInvalidated } from './fresh-records.ts'
import type { Identifier } from './identifier.ts'
import type { Identity } from './identity.ts'
import { createReporter } from './report.ts'
import {
  acceptedKinds,
  acceptsAudience,
  type Credential,
  type RouteRequirement,
} from './route-requirement.ts'
import { run, type Steps, wait } from './steps.ts'
import { firstUncovered, keptReadings, namedTarget, readTarget, resolveTarget } from './target.ts'
import { createFailureLimiter } from './throttle.ts'
import {
  createThrottledIdentification,
  type ThrottledIdentification,
} from './throttled-identification.ts'
import type { Usage } from './usage.ts'

/** What an authenticator needs. */
export interface AuthenticatorParts {
  readonly identifier: Identifier
  readonly owners: OwnerScopes | undefined
  readonly usage: Usage
  /** The environments that this deployment serves; undefined if they are not configured. */
  readonly environments: readonly string[] | undefined
  /** The audience of tokens on routes that require none. */
  readonly audience: string
  /** How long a throttle may take to answer. */
  readonly deadlineMilliseconds: number
  readonly emit: Emit | undefined
  readonly now: () => number
}

/** The key behind a credential, and the decision that lets it in at this moment. */
export interface Identified {
  readonly identity: Identity
  readonly allowed: Allowed
}

/**
 * The sender of one request. Its credential is read from the request once, but `identify` can be
 * called several times, for example before and after a wait.
 */
export interface Caller {
  /**
   * Returns the decision at this moment, with the identity and the effective scope, or a denial
   * that says why there is none. Emits `access.refused` for a denial, but never `access.allowed`.
   */
  identify(): Promise<Identified | CredentialDenial>
}

/** The only place that decides whether a request is let in, and the order in which it does so. */
export interface Authenticator<M extends Metadata = Metadata> {
  /**
   * Decides about a request. Returns a promise only if something must be awaited. Throws, or
   * rejects, only if a reader of the application throws.
   */
  decide<R>(
    request: R,
    requirement: RouteRequirement<R>,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous>
  /** Reads the credential of a request once. */
  caller<R>(request: R, requirement: RouteRequirement<R>): Caller
  /**
   * Runs a lookup of the application whose result a decision needs, and returns the result. If the
   * lookup fails with the error `owner_unavailable`, returns the refusal `unavailable`.
   */
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
}

export function createAuthenticator<M extends Metadata>(
  parts: AuthenticatorParts,
): Authenticator<M> {
  const { identifier, deadlineMilliseconds, emit, now } = parts
  const limiter = createFailureLimiter(deadlineMilliseconds, emit, now)
  const identification = createThrottledIdentification(identifier, limiter, now)
  const evaluate = createEvaluate(parts, identification, (_identity, allowed) => allowed)
  const identify = createEvaluate<Identified>(parts, identification, (identity, allowed) => ({
    identity,
    allowed,
  }))
  const report = createReporter(identifier, emit, now)

  function conclude(
    outcome: Allowed | CredentialDenial,
    requirement: Pick<RouteRequirement<never>, 'optional'>,
  ): Decision<M> | Anonymous {
    if (!(outcome instanceof CredentialDenial)) {
      if (emit !== undefined) report.allowed(outcome.principal)
      return outcome as Allowed<M>
    }
    if (requirement.optional && outcome.issuedElsewhere) return ANONYMOUS
    report.refused(outcome)
    return { ok: false, refusal: outcome.refusal }
  }

  return {
    decide(request, requirement) {
      const outcome = run(
        evaluate(requirement.reader.credential(request), request, requirement),
        report.unavailable,
      )
      return 'then' in outcome
        ? outcome.then((found) => conclude(found, requirement))
        : conclude(outcome, requirement)
    },
    caller(request, requirement) {
      const credential = requirement.reader.credential(request)
      return {
        async identify() {
          const outcome = await run(identify(credential, request, requirement), report.unavailable)
          if (outcome instanceof CredentialDenial) report.refused(outcome)
          return outcome
        },
      }
    },
    async ask(call) {
      try {
        return await call()
      } catch (error) {
        if (isTwinkeyError(error) && error.code === 'owner_unavailable')
          return report.unavailable(error).refusal
        throw error
      }
    },
  }
}

// A decision that finds its data changed after each of so many turns is refused as unavailable.
const MAX_TURNS = 50
const NO_TARGET: Target = Object.freeze({})
const ANONYMOUS: Anonymous = Object.freeze({ ok: true, principal: undefined, noStore: false })

type Evaluate<T> = <R>(
  credential: Credential | Refusal,
  request: R,
  requirement: RouteRequirement<R>,
) => Steps<T | CredentialDenial>

// The steps of a decision, from top to bottom. A decision returns to step 2 only if, while it
// waited, the credential expired, or its key or the owner scope was invalidated or replaced. The
// generator captures its parts instead of taking them as parameters, because each parameter of a
// generator costs memory for each request.
function createEvaluate<T>(
  parts: AuthenticatorParts,
  identification: ThrottledIdentification,
  answer: (identity: Identity, allowed: Allowed) => T,
): Evaluate<T> {
  const { identifier, owners, audience, now } = parts
  return function* evaluate(credential, request, requirement) {
    // 1. The credential. `decide` or `caller` has already read it, once. `since` is the start of
    // this decision, and `at` is the time after its last wait.
    let at = now()
    const since = at
    if (isRefusal(credential))
      return yield* identification.unread(credential, since, request, requirement)
    const kinds = acceptedKinds(credential.kinds, requirement)
    // The owner scope that this decision itself has loaded. Unless it was invalidated, this
    // decision uses it, even if the cache now considers it too old for other requests.
    let loaded: { readonly owner: string; readonly ownerScope: Cached<Scope> } | undefined
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      // 2. Identify the credential: from the cache if possible, otherwise by verifying its
      // signature or loading its key.
      let identity = kinds && identifier.recognise(credential, kinds, at)
      let waited = false
      if (identity === undefined) {
        const found = yield* identification.identify(credential, kinds, since, request, requirement)
        if (found instanceof CredentialDenial) return found
        identity = found
        waited = true
        at = now()
      }

      // A token must be for an audience of this route. If the last decision that let it in was for
      // this route, it is.
      if (
        identity.requirement !== requirement &&
        !acceptsAudience(requirement, identity.audience, audience)
      )
        return invalid('token_audience_unknown', identity.holder.id)

      // 3. The scope of the owner. The effective scope is its intersection with the scope of the
      // identity, which already combines those of the key and the token.
      // Without `ownerScope`, the owner is not read: it is in memory that no other step reads.
      const owner = owners === undefined ? null : identity.holder.owner
      let ownerScope: Cached<Scope> | undefined
      if (owners !== undefined && owner !== null) {
        ownerScope =
          owners.peek(owner, at) ??
          owners.ifCurrent(owner, loaded?.owner === owner ? loaded.ownerScope : undefined)
        if (ownerScope === undefined) {
          ownerScope = yield* wait(owners.load(owner))
          loaded = { owner, ownerScope }
          waited = true
          at = now()
        }
      }
      // Nothing is awaited below, so what is current here is still current in the answer.
      if (waited && !isCurrent(parts, identity, ownerScope, at)) continue

      const allowed = admit(parts, identity, ownerScope, credential, request, requirement, at)
      return allowed instanceof CredentialDenial ? allowed : answer(identity, allowed)
    }
    return yield* failInvalidated()
  }
}

// Steps 4 and 5. They await nothing.
function admit<R>(
  { usage, environments }: AuthenticatorParts,
  identity: Identity,
  ownerScope: Cached<Scope> | undefined,
  credential: Credential,
  request: R,
  requirement: RouteRequirement<R>,
  at: number,
): Allowed | CredentialDenial {
  // 4. Resolve the target. If everything on which the last positive decision for this credential
  // depended is the same again, that decision is the answer.
  const before = identity.allowed
  const read = readTarget(request, requirement, identity.readings)
  if (
    before !== undefined &&
    identity.requirement === requirement &&
    identity.readings === read &&
    identity.ownerScope === ownerScope &&
    before.noStore !== credential.inAuthorizationHeader
  ) {
    usage.note(identity, at)
    return before
  }
  const scope = effectiveScope(identity, ownerScope)
  const readings = keptReadings(read, scope)
  const target = requirement.anyTarget
    ? NO_TARGET
    : resolveTarget(readings, requirement, scope, environments)
  if ('refusal' in target) {
    const { refusal, reason } = target
    const named = namedTarget(readings, requirement)
    return new TargetDenial(refusal, reason, identity.holder.id, { ...named, ...unseenOf(refusal) })
  }

  // 5. The effective scope must cover the target. If it does, the secret counts as used.
  const uncovered = requirement.anyTarget ? undefined : firstUncovered(scope, target)
  if (uncovered !== undefined)
    return new TargetDenial(denied(uncovered), 'not_covered', identity.holder.id, target)
  usage.note(identity, at)
  const allowed = allowedOf(identity, scope, target, requirement.reader, credential)
  identity.allowed = allowed
  identity.requirement = requirement
  identity.readings = readings
  identity.ownerScope = ownerScope
  return allowed
}

// Checks, after a wait, that the credential has not expired, and that neither its key nor the owner
// scope was invalidated or replaced by a newer one.
function isCurrent(
  { identifier, owners }: AuthenticatorParts,
  identity: Identity,
  ownerScope: Cached<Scope> | undefined,
  at: number,
): boolean {
  const { holder, validUntil } = identity
  if ((validUntil !== null && at >= validUntil) || !identifier.isCurrent(identity, at)) return false
  if (owners === undefined || holder.owner === null) return true
  const newest = owners.peek(holder.owner, at)
  return newest === undefined
    ? owners.ifCurrent(holder.owner, ownerScope) !== undefined
    : newest === ownerScope
}
