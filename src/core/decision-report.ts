import type { Emit } from './events.ts'
import { isTwinkeyError, reasonOf } from './fault.ts'
import { Denial, type Identifier } from './identifier.ts'
import type { Principal } from './principal.ts'
import { REFUSALS, type Refusal, type RefusalReason, type Unseen } from './refusal.ts'
import type { Target } from './scope.ts'
import { mayHoldSecret } from './secret.ts'

/** Where a refused request was going, and where a guard stood that could not tell. */
export type Whereabouts = Target & Partial<Unseen>

/** Why a request with a valid credential is refused. */
export class Misdirected extends Denial {
  constructor(
    refusal: Refusal,
    reason: RefusalReason | undefined,
    keyId: string,
    readonly where: Whereabouts,
  ) {
    super(refusal, reason, keyId)
  }
}

/** Turns decisions into events. */
export interface Reporter {
  allowed(principal: Principal): void
  refused(denial: Denial): void
  /** Warns of an error that left a request undecided, and returns the refusal for it. */
  unavailable(error: unknown): Denial
}

export function createReporter(identifier: Identifier, emit: Emit | undefined, now: () => number): Reporter {
  // A name in the wrong place may be a secret, and the template of a route on Express holds what a mounted router was called with.
  function isSafe(text: string): boolean {
    return !mayHoldSecret(text) && identifier.inspect({ text }, 'secret') instanceof Denial
  }

  function safeParts(where: Whereabouts): Whereabouts {
    const parts = (member: string, text: string) => (member === 'template' ? text.split('/') : [text])
    return Object.fromEntries(Object.entries(where).filter(([member, text]) => text && parts(member, text).every(isSafe)))
  }

  return {
    allowed({ keyId, slot, via, tenant, environment, workflow }) {
      emit?.({ type: 'access.allowed', at: now(), keyId, slot, via, tenant, environment, workflow })
    },
    refused(denial) {
      if (emit === undefined) return
      const { refusal, reason, keyId } = denial
      const where = denial instanceof Misdirected ? safeParts(denial.where) : undefined
      emit({ type: 'access.refused', at: now(), code: refusal.code, reason, axis: refusal.axis, keyId, ...where })
    },
    unavailable(error) {
      const code = isTwinkeyError(error) ? error.code : undefined
      const own = code === 'signing_key_invalid' || code === 'jwks_unavailable' ? code : 'store_failed'
      const reason = code === 'owner_unavailable' ? 'owner_lookup_failed' : own
      // What the application or a driver has thrown may hold anything: it stays in the error.
      const message = own === 'store_failed' ? 'A request could not be decided. Look at the error.' : reasonOf(error)
      emit?.({ type: `warning.${reason}`, at: now(), message, error })
      return new Denial(REFUSALS.unavailable, reason)
    },
  }
}
