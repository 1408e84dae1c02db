import { rateLimited } from '../model/own-refusals.ts'
import { REFUSALS, type Refusal, refusalReason, refusedPart } from '../model/refusal.ts'
import { CredentialDenial, invalid } from './denial.ts'
import type { Identifier, Inspected } from './identifier.ts'
import type { Identity } from './identity.ts'
import type { Credential, RouteRequirement } from './route-requirement.ts'
import { type Steps, wait } from './steps.ts'
import type { FailureLimiter } from './throttle.ts'

/**
 * Step 2 of a decision for a credential that is not recognised. A peer that was refused too often
 * waits before a signature is verified or the store is read.
 */
export interface ThrottledIdentification {
  /** How many credentials were looked up so far: whose form is right, but were not recognised. */
  readonly lookups: number
  /**
   * Inspects and identifies a credential.
   *
   * @param kinds The kinds that the route accepts in that place, or undefined for none.
   * @param since When the request arrived.
   */
  identify<R>(
    credential: Credential,
    kinds: Credential['kinds'] | undefined,
    since: number,
    request: R,
    requirement: RouteRequirement<R>,
  ): Steps<Identity | CredentialDenial>
  /** Refuses a request whose credential is missing or cannot be read. */
  unread<R>(
    refusal: Refusal,
    since: number,
    request: R,
    requirement: RouteRequirement<R>,
  ): Steps<CredentialDenial>
}

export function createThrottledIdentification(
  identifier: Identifier,
  limiter: FailureLimiter,
  now: () => number,
): ThrottledIdentification {
  let lookups = 0

  function* throttled<R>(
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
    if (throttle !== undefined && peer !== undefined && !wasActive(credential)) {
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

  // A credential that was active lately does not wait: other callers at the same address never
  // hold it up.
  function wasActive(credential: Credential | undefined): boolean {
    return (
      credential !== undefined &&
      identifier.recognise(credential, credential.kinds, now(), 'any') !== undefined
    )
  }

  return {
    get lookups() {
      return lookups
    },
    identify(credential, kinds, since, request, requirement) {
      const inspected = inspectAs(identifier, credential, kinds)
      if (!(inspected instanceof CredentialDenial)) lookups++
      const accepted = kinds && { ...credential, kinds }
      return throttled(inspected, accepted, since, request, requirement)
    },
    unread(refusal, since, request, requirement) {
      const isMissing = refusal.code === 'credential_missing'
      // A reader of credentials gives no reason, but a token request that is refused has one.
      const reason = refusedPart(refusal) && refusalReason(refusal)
      const denial = new CredentialDenial(refusal, reason, undefined, isMissing)
      // A denial is never identified, so the result is a denial too.
      const steps = throttled(denial, undefined, since, request, requirement)
      return steps as Steps<CredentialDenial>
    },
  }
}

function inspectAs(
  identifier: Identifier,
  credential: Credential,
  kinds: Credential['kinds'] | undefined,
): Inspected | CredentialDenial {
  const inspected = identifier.inspect(credential, kinds ?? credential.kinds)
  if (kinds !== undefined || isMalformed(inspected)) return inspected
  // The issuer of a credential does not depend on the kinds that a route accepts.
  return invalid(
    'kind_not_accepted',
    undefined,
    inspected instanceof CredentialDenial && inspected.issuedElsewhere,
  )
}

// Whether the credential itself is the reason for a refusal. It is not if an optional guard lets
// the request pass anonymously.
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
