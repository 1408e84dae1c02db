import type { Cached } from '../cache/cache.ts'
import type { OwnerScopes } from '../cache/owner-scopes.ts'
import type { Metadata } from '../model/api-key.ts'
import { isTwinkeyError } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import type { Allowed, Anonymous, Decision, Principal } from '../model/principal.ts'
import {
  denied,
  isRefusal,
  REFUSALS,
  type Refusal,
  rateLimited,
  unseenOf,
} from '../model/refusal.ts'
import { intersect, type Scope, type Target } from '../model/scope.ts'
import {
  CredentialDenial,
  forgottenAgain,
  type Identifier,
  type Inspected,
  invalid,
} from './identifier.ts'
import type { CachedDecision, Identity } from './identity.ts'
import { createReporter, TargetDenial } from './report.ts'
import type { Credential, RequestReader, RouteRequirement } from './route-requirement.ts'
import { run, type Steps, wait } from './steps.ts'
import { firstUncovered, keptReadings, namedTarget, readTarget, resolveTarget } from './target.ts'
import { createFailureLimiter } from './throttle.ts'
import type { Usage } from './usage.ts'

/** What decisions are made from. */
export interface AuthenticatorParts {
  readonly identifier: Identifier
  readonly owners: OwnerScopes | undefined
  readonly usage: Usage
  /** The environments that this deployment serves; undefined if that is not configured. */
  readonly environments: readonly string[] | undefined
  /** How long a throttle may take to answer. */
  readonly deadlineMilliseconds: number
  readonly emit: Emit | undefined
  readonly now: () => number
}

/** A credential that may be asked about more than once during one request. */
export interface Caller {
  /**
   * The identity and the effective scope at this moment, or why not. Emits `access.refused`, never
   * `access.allowed`.
   */
  identify(): Promise<CachedDecision | CredentialDenial>
}

/** The ONE place that decides, and the order in which it does. */
export interface Authenticator<M extends Metadata = Metadata> {
  /**
   * Decides about a request: at once if nothing must be awaited. Rejects or throws only for a bug
   * in a reader of the application.
   */
  decide<R>(
    request: R,
    requirement: RouteRequirement<R>,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous>
  /** Reads the credential of a request, once. */
  caller<R>(request: R, requirement: RouteRequirement<R>): Caller
  /**
   * Runs a lookup of the application that a decision waits for. If it is unavailable, so is the
   * decision.
   */
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
}

export function createAuthenticator<M extends Metadata>(
  parts: AuthenticatorParts,
): Authenticator<M> {
  const { identifier, owners, usage, environments, deadlineMilliseconds, emit, now } = parts
  const limiter = createFailureLimiter(deadlineMilliseconds, emit, now)
  const report = createReporter(identifier, emit, now)

  // The order of decisions. Reads from top to bottom; returns to step 2 only if the key or its
  // owner changed while something was awaited.
  function* evaluate<R>(
    credential: Credential | Refusal,
    request: R,
    requirement: RouteRequirement<R>,
  ): Steps<CachedDecision | CredentialDenial> {
    // 1. The credential has been read, once.
    let at = now()
    const since = at
    if (isRefusal(credential)) {
      const unread = new CredentialDenial(
        credential,
        undefined,
        undefined,
        credential.code === 'credential_missing',
      )
      return (yield* identify(unread, undefined, since, request, requirement)) as CredentialDenial
    }
    const kinds = acceptedKinds(credential.kinds, requirement)
    // What this decision has loaded of an owner. It is used even where it is too old for other
    // requests by now.
    let loaded: { readonly owner: string; readonly ownerScope: Cached<Scope> } | undefined
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      // 2. Identify it.
      let identity = kinds && identifier.recognise(credential, kinds, at)
      let waited = false
      if (identity === undefined) {
        const found = yield* identify(
          inspect(credential, kinds),
          kinds && { ...credential, kinds },
          since,
          request,
          requirement,
        )
        if (found instanceof CredentialDenial) return found
        identity = found
        waited = true
        at = now()
      }

      // 3. The effective scope: key, token and owner.
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
      // Nothing is awaited below: what holds in this turn holds for the answer.
      if (waited && !isCurrent(identity, ownerScope, at)) continue

      return admit(identity, ownerScope, credential, request, requirement, at)
    }
    return yield* forgottenAgain()
  }

  // Steps 4 and 5, at once: nothing is awaited between the check that everything is current and the
  // answer.
  function admit<R>(
    identity: Identity,
    ownerScope: Cached<Scope> | undefined,
    credential: Credential,
    request: R,
    requirement: RouteRequirement<R>,
    at: number,
  ): CachedDecision | CredentialDenial {
    // 4. The target. A request that equals the last one that was let in gets the same answer.
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
      return new TargetDenial(refusal, reason, identity.holder.id, {
        ...namedTarget(readings, requirement),
        ...unseenOf(refusal),
      })
    }

    // 5. Covered? Then the secret counts as used.
    const uncovered = requirement.anyTarget ? undefined : firstUncovered(scope, target)
    if (uncovered !== undefined)
      return new TargetDenial(denied(uncovered), 'not_covered', identity.holder.id, target)
    usage.note(identity, at)
    const principal = principalOf<M>(identity, scope, target, requirement.reader)
    const allowed: Allowed<M> = Object.freeze({
      ok: true,
      principal,
      noStore: !credential.inAuthorizationHeader,
    })
    identity.decision = { allowed, identity, requirement, readings, ownerScope }
    return identity.decision
  }

  // Step 2 for a credential that is not recognised. A peer that is refused too often waits before a
  // signature is verified or the store is asked.
  function* identify<R>(
    inspected: Inspected | CredentialDenial,
    credential: Credential | undefined,
    since: number,
    request: R,
    requirement: RouteRequirement<R>,
  ): Steps<Identity | CredentialDenial> {
    const { throttle } = requirement
    const isThrottled =
      throttle !== undefined &&
      (!(inspected instanceof CredentialDenial) || isInvalid(inspected, requirement))
    const peer = isThrottled ? limiter.peerOf(throttle, request) : undefined
    // A credential that was active lately need not wait: others who send from the same address
    // never hold it up.
    const wasActive =
      peer !== undefined &&
      credential !== undefined &&
      identifier.recognise(credential, credential.kinds, now(), 'any')
    if (throttle !== undefined && peer !== undefined && !wasActive) {
      const seconds = yield* wait(limiter.secondsFor(throttle, peer))
      if (seconds !== undefined) return new CredentialDenial(rateLimited(seconds), undefined)
    }
    const found =
      inspected instanceof CredentialDenial
        ? inspected
        : yield* identifier.identify(inspected, since)
    if (
      throttle !== undefined &&
      peer !== undefined &&
      isInvalid(found, requirement) &&
      found.refusal.code === 'credential_invalid'
    ) {
      yield* wait(limiter.failed(throttle, peer))
    }
    return found
  }

  function inspect(
    credential: Credential,
    kinds: Credential['kinds'] | undefined,
  ): Inspected | CredentialDenial {
    const inspected = identifier.inspect(credential, kinds ?? credential.kinds)
    if (kinds !== undefined || isMalformed(inspected)) return inspected
    // The kinds that a route accepts do not change where a credential was issued.
    return invalid(
      'kind_not_accepted',
      undefined,
      inspected instanceof CredentialDenial && inspected.issuedElsewhere,
    )
  }

  // Whether nothing that was loaded has been invalidated or has expired while something else was
  // awaited.
  function isCurrent(
    identity: Identity,
    ownerScope: Cached<Scope> | undefined,
    at: number,
  ): boolean {
    const { holder, validUntil } = identity
    if ((validUntil !== null && at >= validUntil) || !identifier.isCurrent(identity, at))
      return false
    if (owners === undefined || holder.owner === null) return true
    const newest = owners.peek(holder.owner, at)
    return newest === undefined
      ? owners.ifCurrent(holder.owner, ownerScope) !== undefined
      : newest === ownerScope
  }

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
const NOTHING: Scope = Object.freeze({ tenants: [], environments: [], workflows: [] })
const ANONYMOUS: Anonymous = Object.freeze({ ok: true, principal: undefined, noStore: false })

// Whether a credential is refused for what it is. Where an optional guard lets the request pass all
// the same, it is not.
function isInvalid(
  outcome: unknown,
  { optional }: Pick<RouteRequirement<never>, 'optional'>,
): outcome is CredentialDenial {
  if (!(outcome instanceof CredentialDenial) || (optional && outcome.issuedElsewhere)) return false
  return (
    outcome.refusal.code === 'credential_invalid' || outcome.refusal.code === 'credential_malformed'
  )
}

function isMalformed(inspected: unknown): boolean {
  return inspected instanceof CredentialDenial && inspected.refusal === REFUSALS.credentialMalformed
}

function effectiveScope({ scope }: Identity, ownerScope: Cached<Scope> | undefined): Scope {
  return ownerScope === undefined ? scope : intersect(scope, ownerScope.value ?? NOTHING)
}

function principalOf<M extends Metadata>(
  { holder, slot, via }: Identity,
  scope: Scope,
  { tenant, environment, workflow }: Target,
  reader: RequestReader<never> | undefined,
): Principal<M> {
  const { id: keyId, name, owner } = holder
  const metadata = holder.metadata as M
  const username = reader?.username?.(name)
  return Object.freeze({
    keyId,
    name,
    username,
    owner,
    metadata,
    slot,
    via,
    tenant,
    environment,
    workflow,
    scope,
  })
}

function acceptedKinds(
  kinds: Credential['kinds'],
  { acceptsSecret, acceptsToken }: RouteRequirement<never>,
): Credential['kinds'] | undefined {
  const secret = acceptsSecret && kinds !== 'token'
  const token = acceptsToken && kinds !== 'secret'
  if (secret && token) return 'either'
  if (secret) return 'secret'
  return token ? 'token' : undefined
}
