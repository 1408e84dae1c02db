import type { Slot } from '../secrets/secret.ts'
import type { Metadata } from './api-key.ts'
import type { LimitUse } from './limiter.ts'
import type { Refusal } from './refusal.ts'
import type { Scope } from './scope.ts'

/** The authenticated caller of one request and its target. Frozen. Contains no secret. */
export interface Principal<M extends Metadata = Metadata> {
  readonly keyId: string
  /** The name of the key. */
  readonly name: string
  /**
   * The username that the profile gives the caller, often made from the name; undefined if
   * the profile has none.
   */
  readonly username: string | undefined
  readonly owner: string | null
  readonly metadata: M
  /**
   * The slot of the secret that was sent, or for which the token was issued. Undefined in
   * `twinkey/verifier`, which knows only the token.
   */
  readonly slot: Slot | undefined
  readonly via: 'secret' | 'token'
  /**
   * When the credential ends if nothing changes, in epoch milliseconds: the earliest expiry of the
   * key, the secret and the token. Null for never. A key that is disabled,
   * revoked or rotated may end its credentials earlier: `watchPrincipal` ends sockets and streams.
   */
  readonly expiresAt: number | null
  /**
   * The tenant of this request, covered by the scope. Undefined if the request names none and the
   * scope is not limited to specific tenants.
   */
  readonly tenant: string | undefined
  readonly environment: string | undefined
  readonly workflow: string | undefined
  /** The effective scope: the key's, intersected with the token's and the owner's current scope. */
  readonly scope: Scope
}

/** The request is refused. */
export interface Refused {
  readonly ok: false
  readonly refusal: Refusal
  /** What is left of the limits of the key, if the request was counted against any. */
  readonly limits?: readonly LimitUse[] | undefined
}

/** The request is allowed. */
export interface Allowed<M extends Metadata = Metadata> {
  readonly ok: true
  readonly principal: Principal<M>
  /**
   * Whether the response needs `Cache-Control: no-store`, because shared caches do not recognise
   * the credential (RFC 9111, section 3.5).
   */
  readonly noStore: boolean
  /** What is left of the limits of the key after this request. Undefined for a key without any. */
  readonly limits?: readonly LimitUse[] | undefined
}

/** The request passes an optional guard without a Twinkey credential. */
export interface Anonymous {
  readonly ok: true
  readonly principal: undefined
  readonly noStore: false
}

/** Whether a request is allowed, and who the caller is. */
export type Decision<M extends Metadata = Metadata> = Allowed<M> | Refused
