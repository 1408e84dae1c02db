import { REFUSALS, rateLimited } from '../model/refusal.ts'
import { CredentialDenial, invalid } from './denial.ts'
import type { Identifier, Inspected } from './identifier.ts'
import type { Identity } from './identity.ts'
import type { Credential, RouteRequirement } from './route-requirement.ts'
import { type Steps, wait } from './steps.ts'
import type { FailureLimiter } from './throttle.ts'

/** Step 2 of a decision for a credential that is not recognised. */
export interface ThrottledIdentification {
  /**
   * Checks a credential without waiting.
   *
   * @param kinds The kinds that the route accepts in that place, or undefined for none.
   */
  inspect(
    credential: Credential,
    kinds: Credential['kinds'] | undefined,
  ): Inspected | CredentialDenial
  /**
   * Identifies an inspected credential. A peer that was refused too often waits before a signature
   * is verified or the store is read.
   *
   * @param credential The credential if the route accepts its kind.
   * @param since When the request arrived.
   */
  identify<R>(
    inspected: Inspected | CredentialDenial,
    credential: Credential | undefined,
    since: number,
    request: R,
    requirement: RouteRequirement<R>,
  ): Steps<Identity | CredentialDenial>
}

export function createThrottledIdentification(
  identifier: Identifier,
  limiter: FailureLimiter,
  now: () => number,
): ThrottledIdentification {
  // A credential that was active lately does not wait: other callers at the same address never
  // hold it up.
  function wasActive(credential: Credential | undefined): boolean {
    return (
      credential !== undefined &&
      identifier.recognise(credential, credential.kinds, now(), 'any') !== undefined
    )
  }

  return {
    inspect(credential, kinds) {
      const inspected = identifier.inspect(credential, kinds ?? credential.kinds)
      if (kinds !== undefined || isMalformed(inspected)) return inspected
      // The issuer of a credential does not depend on the kinds that a route accepts.
      return invalid(
        'kind_not_accepted',
        undefined,
        inspected instanceof CredentialDenial && inspected.issuedElsewhere,
      )
    },
    *identify(inspected, credential, since, request, requirement) {
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
    },
  }
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
