import type { Cached } from '../cache/cache.ts'
import type { OwnerScopes } from '../cache/owner-scopes.ts'
import type { Metadata } from '../model/api-key.ts'
import { isTwinkeyError } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import type { Allowed, Anonymous, Decision } from '../model/principal.ts'
import { denied, isRefusal, type Refusal, unseenOf } from '../model/refusal.ts'
import type { Scope, Target } from '../model/scope.ts'
import { allowedOf, effectiveScope } from './allowed.ts'
import { CredentialDenial, TargetDenial } from './denial.ts'
import { failInvalidated } from './fresh-records.ts'
import type { Identifier } from './identifier.ts'
import type { CachedDecision, Identity } from './identity.ts'
import { createReporter } from './report.ts'
import { acceptedKinds, type Credential, type RouteRequirement } from './route-requirement.ts'
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
  /** How long a throttle may take to answer. */
  readonly deadlineMilliseconds: number
  readonly emit: Emit | undefined
  readonly now: () => number
}

/** A credential that can be identified more than once during one request. */
export interface Caller {
  /**
   * The identity and the effective scope at this moment, or why there is none. Emits
   * `access.refused`, never `access.allowed`.
   */
  identify(): Promise<CachedDecision | CredentialDenial>
}

/** The ONE place that decides, and the order in which it does. */
export interface Authenticator<M extends Metadata = Metadata> {
  /**
   * Decides about a request: without a promise if nothing must be awaited. Rejects or throws only
   * if a reader of the application does.
   */
  decide<R>(
    request: R,
    requirement: RouteRequirement<R>,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous>
  /** Reads the credential of a request once. */
  caller<R>(request: R, requirement: RouteRequirement<R>): Caller
  /**
   * Runs a lookup of the application on which a decision depends. If the lookup reports
   * `owner_unavailable`, returns the refusal `unavailable`.
   */
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
}

export function createAuthenticator<M extends Metadata>(
  parts: AuthenticatorParts,
): Authenticator<M> {
  const { identifier, deadlineMilliseconds, emit, now } = parts
  const limiter = createFailureLimiter(deadlineMilliseconds, emit, now)
  const identification = createThrottledIdentification(identifier, limiter, now)
  const evaluate = createEvaluate(parts, identification)
  const report = createReporter(identifier, emit, now)

  function conclude(
    outcome: CachedDecision | CredentialDenial,
    requirement: Pick<RouteRequirement<never>, 'optional'>,
  ): Decision<M> | Anonymous {
    if (!(outcome instanceof CredentialDenial)) {
      if (emit !== undefined) report.allowed(outcome.allowed.principal)
      return outcome.allowed as Allowed<M>
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
          const outcome = await run(evaluate(credential, request, requirement), report.unavailable)
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

const MAX_TURNS = 50
const NO_TARGET: Target = Object.freeze({})
const ANONYMOUS: Anonymous = Object.freeze({ ok: true, principal: undefined, noStore: false })

type Evaluate = <R>(
  credential: Credential | Refusal,
  request: R,
  requirement: RouteRequirement<R>,
) => Steps<CachedDecision | CredentialDenial>

// The order of decisions, from top to bottom. Returns to step 2 only if the key or its owner
// changed while something was awaited. It captures its parts: each parameter of a generator costs
// memory per request.
function createEvaluate(
  parts: AuthenticatorParts,
  identification: ThrottledIdentification,
): Evaluate {
  const { identifier, owners, now } = parts
  return function* evaluate(credential, request, requirement) {
    // 1. Read the credential. The caller of this generator has called the reader once.
    let at = now()
    const since = at
    if (isRefusal(credential))
      return yield* identification.unread(credential, since, request, requirement)
    const kinds = acceptedKinds(credential.kinds, requirement)
    // The owner scope that this decision has loaded. It is used even if it is too old for other
    // requests by now.
    let loaded: { readonly owner: string; readonly ownerScope: Cached<Scope> } | undefined
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      // 2. Identify it.
      let identity = kinds && identifier.recognise(credential, kinds, at)
      let waited = false
      if (identity === undefined) {
        const found = yield* identification.identify(credential, kinds, since, request, requirement)
        if (found instanceof CredentialDenial) return found
        identity = found
        waited = true
        at = now()
      }

      // 3. The effective scope: of the key and the token, which the identity has, and of the owner.
      const { owner } = identity.holder
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
      // Nothing is awaited below, so what is current here is current in the answer.
      if (waited && !isCurrent(parts, identity, ownerScope, at)) continue

      return admit(parts, identity, ownerScope, credential, request, requirement, at)
    }
    return yield* failInvalidated()
  }
}

// Steps 4 and 5, without waiting.
function admit<R>(
  { usage, environments }: AuthenticatorParts,
  identity: Identity,
  ownerScope: Cached<Scope> | undefined,
  credential: Credential,
  request: R,
  requirement: RouteRequirement<R>,
  at: number,
): CachedDecision | CredentialDenial {
  // 4. Resolve the target. A request that equals the last one that was let in gets the same answer.
  const before = identity.decision
  const read = readTarget(request, requirement, before?.readings)
  if (
    before !== undefined &&
    before.requirement === requirement &&
    before.readings === read &&
    before.ownerScope === ownerScope &&
    before.allowed.noStore !== credential.inAuthorizationHeader
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

  // 5. Covered? Then the secret counts as used.
  const uncovered = requirement.anyTarget ? undefined : firstUncovered(scope, target)
  if (uncovered !== undefined)
    return new TargetDenial(denied(uncovered), 'not_covered', identity.holder.id, target)
  usage.note(identity, at)
  const allowed = allowedOf(identity, scope, target, requirement.reader, credential)
  identity.decision = { allowed, identity, requirement, readings, ownerScope }
  return identity.decision
}

// Whether the key and the owner scope were not invalidated, and the credential did not expire,
// while something was awaited.
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
