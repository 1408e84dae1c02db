import type { Metadata } from '../core/model/api-key.ts'
import type { Allowed, Anonymous, Decision } from '../core/model/principal.ts'
import { type WireAnswer, withoutSniffing } from '../http/profile.ts'
import type { WireRequest } from '../http/request.ts'
import { CheckedRequirement, type Requirement } from './requirement.ts'

/** What decides about requests: a Twinkey. */
export interface Decider<M extends Metadata = Metadata> {
  /** Which kind of credential it takes, where it is one alone. */
  readonly takes?: 'token'
  flush(): Promise<void> | undefined
  /** Decides about a request, without a promise if nothing must be awaited. */
  decide(
    request: WireRequest,
    requirement: CheckedRequirement,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous>
}

/** What an adapter has to do: go on with a principal, or write an answer. */
export type GuardOutcome<M extends Metadata = Metadata> = Allowed<M> | Anonymous | WireAnswer

/** The decision of the core as the profile of a route writes it. */
export interface Guard<M extends Metadata = Metadata> {
  /**
   * Judges a request: at once where everything is known, with a promise where a store or a
   * signature must be asked.
   */
  evaluate(request: WireRequest): GuardOutcome<M> | Promise<GuardOutcome<M>>
  /**
   * Names in the query that hold a credential: to be taken out of the URL before a handler sees it.
   */
  readonly secretQuery: readonly string[] | undefined
}

/** What `requireAuth` of every adapter is made of. */
export function createGuard<M extends Metadata>(
  twinkey: Decider<M>,
  requirement: Requirement = {},
): Guard<M> {
  if (typeof twinkey?.decide !== 'function') {
    throw new TypeError(
      'requireAuth: the first argument must be what createTwinkey or createVerifier answers.',
    )
  }
  const checked = new CheckedRequirement(requirement)
  if (twinkey.takes === 'token' && !checked.acceptsToken)
    throw new TypeError("requireAuth: a verifier takes tokens only, so accept must hold 'token'.")
  const outcomeOf = (decision: Decision<M> | Anonymous): GuardOutcome<M> =>
    decision.ok
      ? decision
      : withoutSniffing(checked.reader.refuse(decision.refusal, checked.workflow))
  return {
    secretQuery: checked.reader.secretQuery,
    evaluate(request) {
      const decision = twinkey.decide(request, checked)
      return 'then' in decision ? decision.then(outcomeOf) : outcomeOf(decision)
    },
  }
}

/**
 * Whether a decision has to be waited for. By its form: a promise of another realm is no instance
 * of this one's.
 */
export function isPending<M extends Metadata>(
  outcome: GuardOutcome<M> | Promise<GuardOutcome<M>>,
): outcome is Promise<GuardOutcome<M>> {
  return 'then' in outcome
}

/** Whether a decision is an answer to write. */
export function isAnswer(outcome: GuardOutcome): outcome is WireAnswer {
  return 'status' in outcome
}
