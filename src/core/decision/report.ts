import { isTwinkeyError, messageOf } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import type { Principal } from '../model/principal.ts'
import { REFUSALS } from '../model/refusal.ts'
import type { ScopeValue } from '../model/scope.ts'
import { holdsSecret, mayHoldSecret } from '../secrets/secret.ts'
import { CredentialDenial, type DeniedTarget, TargetDenial } from './denial.ts'
import type { Identifier } from './identifier.ts'

/** Turns decisions into events. */
export interface Reporter {
  allowed(principal: Principal): void
  refused(denial: CredentialDenial): void
  /** Emits a warning for an error that prevented a decision, and returns the refusal for it. */
  unavailable(error: unknown): CredentialDenial
}

export function createReporter(
  identifier: Identifier,
  emit: Emit | undefined,
  now: () => number,
): Reporter {
  // A caller may send a secret in place of a name, and a reader of the application may return a
  // template with a secret in it.
  function isSafe(text: string): boolean {
    return (
      !mayHoldSecret(text) && identifier.inspect({ text }, 'secret') instanceof CredentialDenial
    )
  }

  // Advice is always text of this package.
  function safeParts(where: DeniedTarget): DeniedTarget {
    const parts = (member: string, text: string) =>
      member === 'template' ? text.split('/') : [text]
    const areSafe = (member: string, text: string) =>
      member === 'advice' || parts(member, text).every(isSafe)
    return Object.fromEntries(
      Object.entries(where).filter(([member, text]) => text && areSafe(member, text)),
    )
  }

  // On an axis without limits the name is unchecked text of the caller and may be a secret.
  function safeName(name: string | undefined, permitted: ScopeValue): string | undefined {
    if (name === undefined || permitted !== '*') return name
    return holdsSecret(name) || identifier.recognise({ text: name }, 'secret', now()) !== undefined
      ? undefined
      : name
  }

  return {
    allowed({ keyId, slot, via, scope, ...target }) {
      const tenant = safeName(target.tenant, scope.tenants)
      const environment = safeName(target.environment, scope.environments)
      const workflow = safeName(target.workflow, scope.workflows)
      emit?.({ type: 'access.allowed', at: now(), keyId, slot, via, tenant, environment, workflow })
    },
    refused(denial) {
      if (emit === undefined) return
      const { refusal, reason, keyId } = denial
      const where = denial instanceof TargetDenial ? safeParts(denial.where) : undefined
      emit({
        type: 'access.refused',
        at: now(),
        code: refusal.code,
        reason,
        axis: refusal.axis,
        keyId,
        ...(refusal.deniedCode && { deniedCode: refusal.deniedCode }),
        ...where,
      })
    },
    unavailable(error) {
      const code = isTwinkeyError(error) ? error.code : undefined
      const ofKeys =
        code === 'signing_key_invalid' || code === 'jwks_unavailable' ? code : undefined
      const reason = ofKeys ?? (code === 'owner_unavailable' ? code : 'store_unavailable')
      // The message of an error from the application or a driver may hold a secret, so the event
      // has it only in `error`.
      const message =
        ofKeys === undefined
          ? 'A request could not be decided. Look at the error.'
          : messageOf(error)
      emit?.({ type: `warning.${reason}`, at: now(), message, error })
      // A signing key that cannot be used proves nothing, and a retry would not help.
      return new CredentialDenial(
        reason === 'signing_key_invalid' ? REFUSALS.credentialInvalid : REFUSALS.unavailable,
        reason,
      )
    },
  }
}
