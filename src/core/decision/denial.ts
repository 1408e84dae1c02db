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

/** The target of a refused request, and where a guard stood that could not read its parameter. */
export type DeniedTarget = Target & Partial<Unseen>

/** Why a request with a valid credential is refused. */
export class TargetDenial extends CredentialDenial {
  constructor(
    refusal: Refusal,
    reason: RefusalReason | undefined,
    keyId: string,
    readonly where: DeniedTarget,
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
