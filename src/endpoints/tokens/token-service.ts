import type { Tokens } from '../../core/management/token-issuer.ts'
import type { Metadata } from '../../core/model/api-key.ts'
import type { Refusal } from '../../core/model/refusal.ts'
import type { Decider } from '../../guard/guard.ts'

/** What the token endpoints need of a Twinkey. */
export interface TokenService<M extends Metadata = Metadata> extends Decider<M> {
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
  /** The time in epoch milliseconds. */
  now(): number
  readonly tokens: Tokens<M>
}
