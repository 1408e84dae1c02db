import type { Slot } from '../secrets/secret.ts'
import type { RefusalCode, RefusalReason } from './refusal.ts'
import type { Axis } from './scope.ts'

/** Something that was done to a key. */
export interface KeyEvent {
  readonly type:
    | 'key.created'
    | 'key.imported'
    | 'key.updated'
    | 'key.enabled'
    | 'key.disabled'
    | 'key.rotated'
    | 'key.regenerated'
    | 'key.revoked'
    | 'key.deleted'
  readonly at: number
  readonly keyId: string
  readonly name: string
  readonly owner: string | null
  /** Who did it, as given to the management call. */
  readonly actor: string | null
  /** With `key.regenerated` and `key.rotated`: which slot has the new secret. */
  readonly slot?: Slot
}

/** A token was minted. */
export interface TokenEvent {
  readonly type: 'token.issued'
  readonly at: number
  readonly keyId: string
  readonly tokenId: string
  readonly slot: Slot
  readonly expiresAt: number
}

/** A request was let in. */
export interface AllowedEvent {
  readonly type: 'access.allowed'
  readonly at: number
  readonly keyId: string
  /** Undefined where only a token is known, as in `twinkey/verifier`. */
  readonly slot: Slot | undefined
  readonly via: 'secret' | 'token'
  /**
   * This and the other two are undefined where the caller put a secret in the place of the name,
   * too: events hold none.
   */
  readonly tenant: string | undefined
  readonly environment: string | undefined
  readonly workflow: string | undefined
}

/** A request was refused. What the caller must not learn is here. */
export interface RefusedEvent {
  readonly type: 'access.refused'
  readonly at: number
  readonly code: RefusalCode
  readonly reason: RefusalReason | undefined
  /** The axis that it is about, where it is about one. */
  readonly axis: Axis | undefined
  /** The key that the credential belongs to, where that much was established. */
  readonly keyId: string | undefined
  /**
   * What the request is aimed at, where its credential is good and that much could be read. A name
   * that may be a secret in the wrong place is left out: one of 28 letters and digits in a row, and
   * one that may have been imported.
   */
  readonly tenant?: string | undefined
  readonly environment?: string | undefined
  readonly workflow?: string | undefined
  /**
   * With `parameter_unseen`: the name that `param()` was given; undefined where it is
   * `routeTemplate()` that cannot see its route.
   */
  readonly parameter?: string | undefined
  /**
   * With `parameter_unseen`: the template of the route on which the guard stands; undefined where
   * it stands on none, as in `app.use()`.
   */
  readonly template?: string | undefined
  /**
   * With `parameter_unseen`, where the framework matched a route and does not tell its template:
   * what to do.
   */
  readonly advice?: string | undefined
}

/** Something that an operator should look at. */
export interface WarningEvent {
  readonly type:
    | 'warning.ephemeral_signing_key'
    | 'warning.signing_key_invalid'
    | 'warning.store_unavailable'
    | 'warning.store_unsafe'
    | 'warning.owner_unavailable'
    | 'warning.jwks_unavailable'
    | 'warning.throttle_unavailable'
  readonly at: number
  /** What it means and what to do. */
  readonly message: string
  /** The error behind it, where there is one. */
  readonly error?: unknown
}

/** What happened. No event holds a secret, a token, a digest or the value of a header. */
export type TwinkeyEvent = KeyEvent | TokenEvent | AllowedEvent | RefusedEvent | WarningEvent

/** Hands an event to whoever listens. */
export type Emit = (event: TwinkeyEvent) => void

/** Calls a listener so that nothing it does, throws or rejects with reaches a decision. */
export interface EventDispatcher {
  readonly emit: Emit
  /** Resolves when the listener is done with every event so far; undefined where it is. */
  flush(): Promise<void> | undefined
}

// A listener that never ends must not make this grow; beyond this many, the rest is not waited for.
const MAX_IN_FLIGHT = 10_000

/**
 * @param listener What the application listens with.
 * @param failed Hears of each event for which the listener threw or rejected. It must not throw.
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
        // A listener that fails must not keep anybody out, nor let anybody in.
        failed(event, error)
      }
    },
    flush: () => (inFlight.size === 0 ? undefined : Promise.all(inFlight).then(() => {})),
  }
}
