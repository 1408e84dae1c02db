import type { Emit } from '../model/events.ts'
import { withTimeout } from '../store/timeout.ts'

/**
 * Counts refused credentials by peer, and makes a peer wait. Twinkey has no counter of its own:
 * plug in a limiter like `rate-limiter-flexible`. If the limiter fails or does not answer in time,
 * Twinkey decides requests without the limiter.
 *
 * @typeParam R The type of a request.
 */
export interface Throttle<R> {
  /**
   * How long the peer has to wait. Called only for a credential that would be refused, or that this
   * process has not let in lately. So refused credentials from other callers at the same address
   * never delay a key that this process has let in lately.
   *
   * @param peer The address of the peer.
   * @returns Seconds; undefined or 0 if the peer need not wait. They are rounded up and limited to
   *   one day to become the Retry-After of the answer.
   */
  retryAfterSeconds(peer: string): number | undefined | Promise<number | undefined>
  /**
   * Counts a credential of this peer that was refused as `credential_invalid`. The answer waits for
   * the returned promise, so that the count is correct for the next request.
   */
  failed(peer: string): unknown
  /**
   * Returns the address of the peer. Default: `req.ip` of Express and `request.ip` of Fastify,
   * which respect their settings for trusted proxies, and the remote address of the socket with
   * Hono on Node. Other hosts have no default. A peer without an address (anything but a non-empty
   * string) never has to wait.
   */
  peer?(request: R): unknown
}

/** Calls throttles. Limiter failures never affect the decision. */
export interface FailureLimiter {
  /** The address of the peer, or undefined if it is unknown. */
  peerOf<R>(throttle: Required<Throttle<R>>, request: R): string | undefined
  /** Whole seconds that the peer has to wait, or undefined if it need not. */
  secondsFor(throttle: Throttle<never>, peer: string): Promise<number | undefined>
  /** Counts a refusal. */
  failed(throttle: Throttle<never>, peer: string): Promise<void>
}

const LONGEST_WAIT_SECONDS = 86_400

export function createFailureLimiter(
  deadlineMilliseconds: number,
  emit: Emit | undefined,
  now: () => number,
): FailureLimiter {
  function warn(error: unknown): undefined {
    const message = 'A throttle failed, so a request was decided without it. Look at the error.'
    emit?.({ type: 'warning.throttle_unavailable', at: now(), message, error })
  }

  function ask<T>(call: () => Promise<T>): Promise<T | undefined> {
    return withTimeout(
      deadlineMilliseconds,
      'throttle_unavailable',
      'The throttle failed',
      call,
    ).catch(warn)
  }

  return {
    peerOf(throttle, request) {
      try {
        const peer = throttle.peer(request)
        return typeof peer === 'string' && peer !== '' ? peer : undefined
      } catch (error) {
        return warn(error)
      }
    },
    secondsFor: (throttle, peer) =>
      ask(async () => secondsOf(await throttle.retryAfterSeconds(peer))),
    failed: (throttle, peer) => ask(async () => void (await throttle.failed(peer))),
  }
}

function secondsOf(wait: unknown): number | undefined {
  if (wait === undefined) return undefined
  if (typeof wait !== 'number' || Number.isNaN(wait))
    throw new TypeError('retryAfterSeconds must return a number of seconds or undefined.')
  return wait > 0 ? Math.min(Math.ceil(wait), LONGEST_WAIT_SECONDS) : undefined
}
