/** The library: `createTwinkey` with its types. @module twinkey */

export type { JWK } from 'jose'
export type { OwnerScope } from './core/cache/owner-scopes.ts'
export type { TargetReader } from './core/decision/route-requirement.ts'
export type { Throttle } from './core/decision/throttle.ts'
export type { KeyringLimits } from './core/management/authority.ts'
export type { IdentifiedCredential } from './core/management/credential-lookup.ts'
export type { DeploymentPolicies } from './core/management/deployment-policies.ts'
export type {
  ImportedDigest,
  ImportedSecret,
  ImportKeyInput,
} from './core/management/key-import.ts'
export type {
  CreatedKey,
  HistoryPage,
  HistoryStep,
  KeyList,
  Keyring,
  RenewedKey,
  RepeatedKey,
} from './core/management/key-management.ts'
export type { KeyPolicy } from './core/management/key-policy.ts'
export {
  type Expiring,
  type ExpiringInput,
  expiring,
  type ReminderPeriod,
  type Unused,
  type UnusedInput,
  unused,
} from './core/management/reminders.ts'
export type { UniqueNames } from './core/management/reservations.ts'
export type { Ask, Tokens } from './core/management/token-issuer.ts'
export type { TokenRequest } from './core/management/token-request.ts'
export type { TokenRevocation } from './core/management/token-revocation.ts'
export type { IssuedToken } from './core/management/token-signing.ts'
export type { Verified, VerifiedToken, VerifyOptions } from './core/management/verification.ts'
export type {
  DisabledBy,
  Json,
  KeyLimit,
  KeyState,
  Metadata,
} from './core/model/api-key.ts'
export { type ErrorCode, isTwinkeyError, TwinkeyError } from './core/model/error.ts'
export type {
  AllowedEvent,
  KeyEvent,
  RefusedEvent,
  TokenEvent,
  TwinkeyEvent,
  WarningEvent,
} from './core/model/events.ts'
export type { ChangeSource, ChangeType, HistoryEntry } from './core/model/history.ts'
export type {
  ActorOption,
  ChangeOptions,
  CreateKeyInput,
  RenewOptions,
  RenewSlots,
  RevokeAllInput,
  RotateOptions,
  UpdateKeyInput,
} from './core/model/key-input.ts'
export type { ApiKey, SecretInfo } from './core/model/key-view.ts'
export type { LimitAnswer, LimitCharge, Limiter, LimitUse } from './core/model/limiter.ts'
export type { Right } from './core/model/operations.ts'
export { denied, rateLimited } from './core/model/own-refusals.ts'
export type { Allowed, Anonymous, Decision, Principal, Refused } from './core/model/principal.ts'
export type { HistoryAfterInput, HistoryInput, ListKeysInput } from './core/model/query-input.ts'
export type {
  Refusal,
  RefusalCode,
  RefusalReason,
} from './core/model/refusal.ts'
export type { Axis, Scope, ScopeInput, ScopeValue, Target } from './core/model/scope.ts'
export type { Pepper } from './core/secrets/digest.ts'
export type { ImportedSecretFormat } from './core/secrets/imported-secrets.ts'
export { hasValidChecksum, type Slot, secretPattern } from './core/secrets/secret.ts'
export type { KeyStore } from './core/store/store.ts'
export { generateSigningKey, type SigningAlgorithm } from './core/tokens/signing-key.ts'
export type { TokenOptions } from './core/tokens/token-options.ts'
export { atRoot, type Endpoints } from './endpoints/endpoints.ts'
export { type TokenEndpointOptions, tokenEndpoints } from './endpoints/tokens/token-endpoints.ts'
export type { TokenService } from './endpoints/tokens/token-service.ts'
export type { ClientAddress, Deployment } from './guard/callbacks.ts'
export {
  type AuthorizeRoute,
  from,
  type ReaderOptions,
  type Requirement,
  type TargetSource,
} from './guard/requirement.ts'
export type { Profile } from './http/profile.ts'
export {
  redactUrl,
  type WireRequest,
} from './http/request.ts'
export type { Keys } from './keys.ts'
export type { TwinkeyOptions } from './options.ts'
export type { Settings, SigningKeySettings } from './settings.ts'
export { memoryStore } from './stores/memory.ts'
export { createTwinkey, type Twinkey } from './twinkey.ts'
