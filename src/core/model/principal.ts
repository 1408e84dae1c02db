import type { Slot } from '../secrets/secret.ts'
import type { Metadata } from './api-key.ts'
import type { Refusal } from './refusal.ts'
import type { Scope } from './scope.ts'

/** Who a request turned out to be, and what it is aimed at. Frozen. Holds no secret. */
export interface Principal<M extends Metadata = Metadata> {
  readonly keyId: string
  /** The name of the key. */
  readonly name: string
  /**
   * What the profile calls the holder, where it has a word for it, like the `Key: <name>` of
   * Flowgear.
   */
  readonly username: string | undefined
  readonly owner: string | null
  readonly metadata: M
  /**
   * Which of the two secrets was used, or minted the token; undefined where only the token is
   * known, as in `twinkey/verifier`.
   */
  readonly slot: Slot | undefined
  readonly via: 'secret' | 'token'
  /**
   * The tenant that this request is for, resolved and covered; undefined where nobody named one and
   * the scope is not limited to some.
   */
  readonly tenant: string | undefined
  readonly environment: string | undefined
  readonly workflow: string | undefined
  /** The effective scope: the key's, cut by the token's and by what the owner may reach now. */
  readonly scope: Scope
}

/** A request is not let in. */
export interface Refused {
  readonly ok: false
  readonly refusal: Refusal
}

/** A request is let in. */
export interface Allowed<M extends Metadata = Metadata> {
  readonly ok: true
  readonly principal: Principal<M>
  /**
   * Whether shared caches must be kept from the answer, because they do not know that the
   * credential was one (RFC 9111, section 3.5).
   */
  readonly noStore: boolean
}

/** A request passes an optional guard without a credential of ours. */
export interface Anonymous {
  readonly ok: true
  readonly principal: undefined
  readonly noStore: false
}

/** Whether a request is let in, and as whom. */
export type Decision<M extends Metadata = Metadata> = Allowed<M> | Refused
