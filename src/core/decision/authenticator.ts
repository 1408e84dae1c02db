import type { Metadata } from '../model/api-key.ts'
import { isTwinkeyError } from '../model/error.ts'
import type { Allowed, Anonymous, Decision } from '../model/principal.ts'
import type { Refusal } from '../model/refusal.ts'
import type { AuthenticateMessage, Trace } from '../model/trace.ts'
import { type AuthenticatorParts, createEvaluate } from './authenticate.ts'
import { CredentialDenial, TargetDenial } from './denial.ts'
import type { Identity } from './identity.ts'
import { createPolicies, type Policies } from './policies.ts'
import { createReporter } from './report.ts'
import type { RouteRequirement } from './route-requirement.ts'
import { run, type Steps } from './steps.ts'
import { createFailureLimiter } from './throttle.ts'
import { createThrottledIdentification } from './throttled-identification.ts'

const ANONYMOUS: Anonymous = Object.freeze({ ok: true, principal: undefined, noStore: false })

/** The key behind a credential, and the decision that lets it in at this moment. */
export interface Identified {
  readonly identity: Identity
  readonly allowed: Allowed
}

/**
 * The sender of one request. Its credential is read from the request once, but `identify` can be
 * called several times, for example before and after a wait. Only the first call counts the request
 * against the limits of the key.
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
   * Identifies the key behind a credential, like {@link Caller.identify}, but counts nothing.
   *
   * @param networks `unchecked` also ignores the networks of the key.
   */
  identify<R>(
    request: R,
    requirement: RouteRequirement<R>,
    networks: 'checked' | 'unchecked',
  ): Promise<Identified | CredentialDenial>
  /**
   * Runs a lookup of the application whose result a decision needs, and returns the result. If the
   * lookup fails with the error `owner_unavailable`, returns the refusal `unavailable`.
   */
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
}

export function createAuthenticator<M extends Metadata>(
  parts: AuthenticatorParts,
): Authenticator<M> {
  const { identifier, deadlineMilliseconds, emit, trace, now } = parts
  const limiter = createFailureLimiter(deadlineMilliseconds, emit, now)
  const identification = createThrottledIdentification(identifier, limiter, now)
  const counted = createPolicies(parts.limits, 'counted')
  const uncounted = createPolicies(parts.limits, 'uncounted')
  const evaluate = createEvaluate(parts, identification, counted, (_, allowed) => allowed)
  const createIdentify = (policies: Policies | undefined) =>
    createEvaluate<Identified>(parts, identification, policies, (identity, allowed) => ({
      identity,
      allowed,
    }))
  const identifyCounted = createIdentify(counted)
  const identifyUncounted = createIdentify(uncounted)
  const identifyWithoutPolicies = createIdentify(undefined)
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
    const { refusal } = outcome
    return outcome instanceof TargetDenial && outcome.limits !== undefined
      ? { ok: false, refusal, limits: outcome.limits }
      : { ok: false, refusal }
  }

  async function reported<T>(steps: Steps<T | CredentialDenial>): Promise<T | CredentialDenial> {
    const outcome = await run<T | CredentialDenial>(steps, report.unavailable)
    if (outcome instanceof CredentialDenial) report.refused(outcome)
    return outcome
  }

  function start<R>(request: R, requirement: RouteRequirement<R>) {
    return run(
      evaluate(requirement.reader.credential(request), request, requirement),
      report.unavailable,
    )
  }

  function decideTraced<R>(
    { run: traced }: Trace<AuthenticateMessage>,
    request: R,
    requirement: RouteRequirement<R>,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous> {
    const message = newMessage()
    return traced(message, () => {
      const before = identification.lookups
      const outcome = start(request, requirement)
      // What is looked up is begun before the first wait, unless a record was invalidated meanwhile.
      const isLookedUp = identification.lookups !== before
      const concludeTraced = (found: Allowed | CredentialDenial) => {
        const decision = conclude(found, requirement)
        describe(message, found, decision, isLookedUp)
        return decision
      }
      return 'then' in outcome ? outcome.then(concludeTraced) : concludeTraced(outcome)
    })
  }

  return {
    decide(request, requirement) {
      if (trace?.isHeard) return decideTraced(trace, request, requirement)
      const outcome = start(request, requirement)
      return 'then' in outcome
        ? outcome.then((found) => conclude(found, requirement))
        : conclude(outcome, requirement)
    },
    caller(request, requirement) {
      const credential = requirement.reader.credential(request)
      let identify = identifyCounted
      return {
        identify() {
          const steps = identify(credential, request, requirement)
          identify = identifyUncounted
          return reported(steps)
        },
      }
    },
    identify: async (request, requirement, networks) => {
      const identify = networks === 'checked' ? identifyUncounted : identifyWithoutPolicies
      return reported(identify(requirement.reader.credential(request), request, requirement))
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

// With all members, so that all messages have one shape.
function newMessage(): AuthenticateMessage {
  return {
    result: undefined,
    code: undefined,
    reason: undefined,
    via: undefined,
    keyId: undefined,
    cached: undefined,
    twinkey: undefined,
    startedAt: 0,
    isFinished: false,
    durationSeconds: undefined,
    error: undefined,
  }
}

function describe(
  message: AuthenticateMessage,
  outcome: Allowed | CredentialDenial,
  decision: Decision | Anonymous,
  isLookedUp: boolean,
): void {
  if (!(outcome instanceof CredentialDenial)) {
    message.result = 'allowed'
    message.via = outcome.principal.via
    message.keyId = outcome.principal.keyId
    message.cached = !isLookedUp
    return
  }
  const { refusal, reason, keyId } = outcome
  if (decision.ok) {
    message.result = 'anonymous'
  } else {
    message.result = 'refused'
    message.code = refusal.code
    message.reason = reason
    message.keyId = keyId
  }
  // Without a key, the form of the credential was refused before anything was looked up.
  if (isLookedUp || keyId !== undefined) message.cached = !isLookedUp
}
