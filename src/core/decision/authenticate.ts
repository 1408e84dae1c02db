import type { Cached } from '../cache/cache.ts'
import type { OwnerScopes } from '../cache/owner-scopes.ts'
import type { Emit } from '../model/events.ts'
import type { LimitUse } from '../model/limiter.ts'
import type { Allowed } from '../model/principal.ts'
import { axisDenied, isRefusal, type Refusal, unseenOf } from '../model/refusal.ts'
import type { Scope, Target } from '../model/scope.ts'
import type { AuthenticateMessage, Trace } from '../model/trace.ts'
import { allowedOf, effectiveScope } from './allowed.ts'
import { CredentialDenial, invalid, TargetDenial } from './denial.ts'
import { failInvalidated } from './fresh-records.ts'
import type { Identifier } from './identifier.ts'
import type { Identity } from './identity.ts'
import type { Limits } from './limits.ts'
import type { Policies, PolicyFacts } from './policies.ts'
import {
  acceptedKinds,
  acceptsAudience,
  type Credential,
  type RouteRequirement,
} from './route-requirement.ts'
import { isThenable, type Steps, settle, wait } from './steps.ts'
import { firstUncovered, keptReadings, namedTarget, readTarget, resolveTarget } from './target.ts'
import type { ThrottledIdentification } from './throttled-identification.ts'
import type { Usage } from './usage.ts'

/** What an authenticator needs. */
export interface AuthenticatorParts {
  readonly identifier: Identifier
  readonly owners: OwnerScopes | undefined
  readonly usage: Usage
  readonly limits: Limits
  /** The environments that this deployment serves; undefined if they are not configured. */
  readonly environments: readonly string[] | undefined
  /** The audience of tokens on routes that require none. */
  readonly audience: string
  /** How long a throttle may take to answer. */
  readonly deadlineMilliseconds: number
  readonly emit: Emit | undefined
  readonly trace?: Trace<AuthenticateMessage> | undefined
  readonly now: () => number
}

// A decision that finds its data changed after each of so many turns is refused as unavailable.
const MAX_TURNS = 50
const NO_TARGET: Target = Object.freeze({})

/** The steps of one decision, as work that pauses whenever it must wait. */
type Evaluate<T> = <R>(
  credential: Credential | Refusal,
  request: R,
  requirement: RouteRequirement<R>,
) => Steps<T | CredentialDenial>

// The steps of a decision, from top to bottom. A decision returns to step 2 only if, while it
// waited, the credential expired, or its key or the owner scope was invalidated or replaced. The
// generator captures its parts instead of taking them as parameters, because each parameter of a
// generator costs memory for each request.
export function createEvaluate<T>(
  parts: AuthenticatorParts,
  identification: ThrottledIdentification,
  policies: Policies | undefined,
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
    let facts: PolicyFacts | undefined
    turns: for (let turn = 0; turn < MAX_TURNS; turn++) {
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
        !acceptsAudience(requirement, identity.claims?.audience, audience)
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
      if (allowed instanceof CredentialDenial) return allowed
      if (!policies?.appliesTo(identity, requirement)) return answer(identity, allowed)

      // 6. The policies: networks, limits, then the route itself. What they found is kept, so that
      // a repeated step neither counts the request again nor asks the route about the same
      // principal again.
      facts = factsOf(facts, request, requirement, identity, allowed, at)
      let denial = policies.check(facts)
      while (isThenable(denial)) {
        const settled = yield* settle(denial)
        at = now()
        if (settled === undefined && !isCurrent(parts, identity, ownerScope, at)) continue turns
        denial = settled ?? policies.check(facts)
      }
      return denial ?? answer(identity, withLimits(allowed, facts.counted))
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
    return new TargetDenial(axisDenied(uncovered), 'not_covered', identity.holder.id, target)
  usage.note(identity, at)
  const allowed = allowedOf(identity, scope, target, requirement.reader, credential)
  identity.allowed = allowed
  identity.requirement = requirement
  identity.readings = readings
  identity.ownerScope = ownerScope
  return allowed
}

function factsOf<R>(
  before: PolicyFacts | undefined,
  request: R,
  requirement: RouteRequirement<R>,
  identity: Identity,
  allowed: Allowed,
  at: number,
): PolicyFacts {
  if (before === undefined) {
    return {
      request: request as never,
      requirement: requirement as never,
      identity,
      allowed,
      at,
      counted: undefined,
      authorized: undefined,
    }
  }
  // An imported secret may belong to another key by now, which has limits of its own.
  if (before.identity.holder.id !== identity.holder.id) before.counted = undefined
  before.identity = identity
  before.allowed = allowed
  before.at = at
  return before
}

// The remembered decision stays as it is: what is left differs for each request.
function withLimits(allowed: Allowed, limits: readonly LimitUse[] | undefined): Allowed {
  if (limits === undefined) return allowed
  return { ok: true, principal: allowed.principal, noStore: allowed.noStore, limits }
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
