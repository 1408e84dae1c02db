/** The library: `createTwinkey`, what it takes, and what it answers. @module twinkey */

export type { JWK } from 'jose'
export type { AliasRecord, Json, KeyRecord, KeyState, Metadata, StoredSecret } from './core/api-key.ts'
export type { Credential, Demand, RequestReader, TargetReader } from './core/demand.ts'
export type { Pepper } from './core/digest.ts'
export type { AllowedEvent, KeyEvent, RefusedEvent, TokenEvent, TwinkeyEvent, WarningEvent } from './core/events.ts'
export { type FaultCode, isTwinkeyError, TwinkeyError } from './core/fault.ts'
export type { ForeignSecrets } from './core/foreign.ts'
export type { ImportedDigest, ImportedSecret, ImportKeyInput } from './core/key-import.ts'
export type { ActorOption, CreateKeyInput, ListKeysInput, RevokeAllInput, RotateOptions, UpdateKeyInput } from './core/key-input.ts'
export type { CreatedKey, Keyring, RenewedKey } from './core/key-management.ts'
export type { ApiKey, SecretInfo } from './core/key-view.ts'
export type { OwnerScope } from './core/owner-scopes.ts'
export type { Allowed, Anonymous, Decision, Principal, Refused } from './core/principal.ts'
export { type Refusal, type RefusalCode, type RefusalReason, rateLimited } from './core/refusal.ts'
export type { Axis, Reach, Scope, ScopeInput, Target } from './core/scope.ts'
export { checksumHolds, type Slot, secretPattern } from './core/secret.ts'
export { generateSigningKey, type SigningAlgorithm } from './core/signing-key.ts'
export type { KeyStore, ListQuery, SecretUse, StoredKey } from './core/store.ts'
export type { Throttle } from './core/throttle.ts'
export type { Ask, IssuedToken, TokenRequest, Tokens, Verified } from './core/token-issuer.ts'
export type { TokenOptions, TwinkeyOptions } from './options.ts'
export { memoryStore } from './stores/memory.ts'
export { createTwinkey, type Keys, type Twinkey } from './twinkey.ts'
export type { EndpointOptions, TokenService } from './wire/endpoints.ts'
export type { Decider } from './wire/guard.ts'
export type { Profile, SecurityScheme, WireAnswer, WireBody } from './wire/profile.ts'
export { type MatchedRoute, type NodeRequest, NodeWireRequest, redactUrl, WebWireRequest, type WireRequest } from './wire/request.ts'
export {
  type CheckedRequirement,
  header,
  param,
  query,
  type ReaderOptions,
  type Requirement,
  routeTemplate,
  type TargetSource,
} from './wire/requirement.ts'
