import type { Metadata } from '../core/model/api-key.ts'
import type { Allowed, Anonymous, Decision } from '../core/model/principal.ts'
import { type WireAnswer, withoutSniffing } from '../http/profile.ts'
import { rateLimitHeaders } from '../http/rate-limit.ts'
import type { WireRequest } from '../http/request.ts'
import type { Deployment } from './callbacks.ts'
import { CheckedRequirement, type Requirement } from './requirement.ts'

/** A Twinkey or a verifier: decides on requests. */
export interface Decider<M extends Metadata = Metadata> extends Deployment {
  /** Set if it accepts only this kind of credential. */
  readonly takes?: 'token'
  /** The audiences that tokens can be for. The first is the default of routes. */
  readonly audiences?: readonly string[]
  /** The time in epoch milliseconds. A verifier needs none: it counts no requests. */
  now?(): number
  flush(): Promise<void> | undefined
  /** Decides on a request. Returns a promise only if it must wait for something. */
  decide(
    request: WireRequest,
    requirement: CheckedRequirement,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous>
}

/** A request to pass on. */
export type Passed<M extends Metadata = Metadata> = (Allowed<M> | Anonymous) & {
  /** Headers that show what is left of the limits. {@link passedHeaders} includes them. */
  readonly headers?: WireAnswer['headers']
}

/** What an adapter does next: pass the request on with a principal, or write an answer. */
export type GuardOutcome<M extends Metadata = Metadata> = Passed<M> | WireAnswer

/** Decides on requests for one route, and writes refusals in the profile of the route. */
export interface Guard<M extends Metadata = Metadata> {
  /**
   * Decides on a request. Returns a promise only if it must read the store or check a signature.
   */
  evaluate(request: WireRequest): GuardOutcome<M> | Promise<GuardOutcome<M>>
  /** Query parameters that hold a credential. The adapter removes them before the handler runs. */
  readonly secretQuery: readonly string[] | undefined
}

/** Creates the guard behind the `requireAuth` of every adapter. */
export function createGuard<M extends Metadata>(
  twinkey: Decider<M>,
  requirement: Requirement = {},
): Guard<M> {
  if (typeof twinkey?.decide !== 'function') {
    throw new TypeError(
      'requireAuth: the first argument must be what createTwinkey or createVerifier returns.',
    )
  }
  const checked = new CheckedRequirement(requirement, twinkey)
  if (twinkey.takes === 'token' && !checked.acceptsToken)
    throw new TypeError("requireAuth: a verifier takes tokens only, so accept must hold 'token'.")
  const outcomeOf = (decision: Decision<M> | Anonymous): GuardOutcome<M> => {
    const limits = 'limits' in decision ? decision.limits : undefined
    const headers = limits && twinkey.now && rateLimitHeaders(limits, twinkey.now())
    if (decision.ok) return headers === undefined ? decision : { ...decision, headers }
    const answer = withoutSniffing(checked.reader.refuse(decision.refusal, checked.workflow))
    return headers === undefined
      ? answer
      : { ...answer, headers: { ...headers, ...answer.headers } }
  }
  return {
    secretQuery: checked.reader.secretQuery,
    evaluate(request) {
      const decision = twinkey.decide(request, checked)
      return 'then' in decision ? decision.then(outcomeOf) : outcomeOf(decision)
    },
  }
}

/** Whether a decision is a promise. Tests for `then`, because it may come from another realm. */
export function isPending<M extends Metadata>(
  outcome: GuardOutcome<M> | Promise<GuardOutcome<M>>,
): outcome is Promise<GuardOutcome<M>> {
  return 'then' in outcome
}

const NONE: readonly (readonly [string, string])[] = []
const NO_STORE = [['cache-control', 'no-store']] as const

/** The headers for the response to a request that was passed on. The handler may change them. */
export function passedHeaders({
  noStore,
  headers,
}: Passed): readonly (readonly [name: string, value: string])[] {
  const own = noStore ? NO_STORE : NONE
  return headers === undefined ? own : [...own, ...(Object.entries(headers) as [string, string][])]
}

/** Whether the outcome is an answer to write. */
export function isAnswer(outcome: GuardOutcome): outcome is WireAnswer {
  return 'status' in outcome
}
