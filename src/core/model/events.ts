import type { Slot } from '../secrets/secret.ts'
import type { HistoryEntry } from './history.ts'
import type { RefusalCode, RefusalReason } from './refusal.ts'
import type { Axis } from './scope.ts'

/** A management change to a key: the same entry that the store keeps in its history. */
export type KeyEvent = HistoryEntry

/** A token was issued. */
export interface TokenEvent {
  readonly type: 'token.issued'
  readonly at: number
  readonly keyId: string
  readonly tokenId: string
  readonly slot: Slot
  readonly expiresAt: number
}

/** A request was allowed. */
export interface AllowedEvent {
  readonly type: 'access.allowed'
  readonly at: number
  readonly keyId: string
  /** Undefined in `twinkey/verifier`, which knows only the token. */
  readonly slot: Slot | undefined
  readonly via: 'secret' | 'token'
  /**
   * Undefined if the request names none, or if the name may be a secret. The same applies to
   * `environment` and `workflow`.
   */
  readonly tenant: string | undefined
  readonly environment: string | undefined
  readonly workflow: string | undefined
}

/** A request was refused. Contains details that the response withholds from the caller. */
export interface RefusedEvent {
  readonly type: 'access.refused'
  readonly at: number
  readonly code: RefusalCode
  readonly reason: RefusalReason | undefined
  /** The axis that the refusal is about, if any. */
  readonly axis: Axis | undefined
  /** The key of the credential, if it was identified. */
  readonly keyId: string | undefined
  /** With `denied`: the code that the application passed to {@link denied}. */
  readonly deniedCode?: string | undefined
  /** With `network_denied`: the address of the request, unless it is unknown. */
  readonly address?: string | undefined
  /**
   * The tenant of the request, if its credential is valid and the tenant could be read. A name that
   * may be a secret is omitted: one with 28 consecutive letters and digits, and one that may be an
   * imported secret. The same applies to `environment` and `workflow`.
   */
  readonly tenant?: string | undefined
  readonly environment?: string | undefined
  readonly workflow?: string | undefined
  /**
   * With `parameter_unseen`: the name passed to `from.param`. Undefined if `from.routeTemplate` failed.
   */
  readonly parameter?: string | undefined
  /**
   * With `parameter_unseen`: the template of the guarded route. Undefined if the guard is not on a
   * route, as in `app.use()`.
   */
  readonly template?: string | undefined
  /**
   * With `parameter_unseen`: what to do if the framework matched a route but does not expose its
   * template.
   */
  readonly advice?: string | undefined
}

/** A problem that an operator should look at. */
export interface WarningEvent {
  readonly type:
    | 'warning.ephemeral_signing_key'
    | 'warning.signing_key_invalid'
    | 'warning.store_unavailable'
    | 'warning.store_unsafe'
    | 'warning.owner_unavailable'
    | 'warning.jwks_unavailable'
    | 'warning.throttle_unavailable'
    | 'warning.limiter_unavailable'
    | 'warning.leak_not_handled'
  readonly at: number
  /** What the warning means and what to do. */
  readonly message: string
  /** The cause, if there is one. */
  readonly error?: unknown
}

/** Any event. No event contains a secret, a token, a digest or a header value. */
export type TwinkeyEvent = KeyEvent | TokenEvent | AllowedEvent | RefusedEvent | WarningEvent

/** Passes an event to the listener. */
export type Emit = (event: TwinkeyEvent) => void

/** Calls a listener. Listener failures never affect a decision. */
export interface EventDispatcher {
  readonly emit: Emit
  /** Resolves when the listener has handled all events so far. Undefined if none is in flight. */
  flush(): Promise<void> | undefined
}

// Bounds the memory for a listener that never settles. `flush` does not wait for further events.
const MAX_IN_FLIGHT = 10_000

/**
 * @param listener The listener of the application.
 * @param failed Called with each event for which the listener threw or rejected. Must not throw.
 */
export function createEventDispatcher(
  listener: (event: TwinkeyEvent) => unknown,
  failed: (event: TwinkeyEvent, error: unknown) => void,
): EventDispatcher {
  const inFlight = new Set<Promise<void>>()
  return {
    emit(event) {
      try {
        const answer = listener(Object.freeze(event))
        if (typeof (answer as PromiseLike<unknown> | null | undefined)?.then !== 'function') return
        const done = Promise.resolve(answer).then(
          () => {},
          (error: unknown) => failed(event, error),
        )
        if (inFlight.size >= MAX_IN_FLIGHT) return
        inFlight.add(done)
        done.then(() => inFlight.delete(done))
      } catch (error) {
        failed(event, error)
      }
    },
    flush: () => (inFlight.size === 0 ? undefined : Promise.all(inFlight).then(() => {})),
  }
}
