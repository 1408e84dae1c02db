import type { LimitUse } from '../model/limiter.ts'
import { REFUSALS, type Refusal, type RefusalReason, type Unseen } from '../model/refusal.ts'
import type { Target } from '../model/scope.ts'

/** Why a credential is refused: the refusal for the caller, and the reason for the operator. */
export class CredentialDenial {
  constructor(
    readonly refusal: Refusal,
    readonly reason: RefusalReason | undefined,
    readonly keyId?: string,
    /** Whether the credential was not issued here, so that another scheme may accept it. */
    readonly issuedElsewhere = false,
  ) {}
}

/**
 * The target of a refused request, where a guard stood that could not read its parameter, and the
 * address of a client that is outside the networks of its key.
 */
export type DeniedTarget = Target & Partial<Unseen> & { readonly address?: string | undefined }

/** Why a request with a valid credential is refused. */
export class TargetDenial extends CredentialDenial {
  constructor(
    refusal: Refusal,
    reason: RefusalReason | undefined,
    keyId: string,
    readonly where: DeniedTarget,
    /** What is left of the limits of the key, if the request was counted. */
    readonly limits?: readonly LimitUse[],
  ) {
    super(refusal, reason, keyId)
  }
}

/** The refusal `credential_invalid`. The caller cannot tell its reasons apart. */
export function invalid(
  reason: RefusalReason,
  keyId?: string,
  issuedElsewhere = false,
): CredentialDenial {
  return new CredentialDenial(REFUSALS.credentialInvalid, reason, keyId, issuedElsewhere)
}
