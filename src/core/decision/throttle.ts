import type { Emit } from '../model/events.ts'
import { withTimeout } from '../store/timeout.ts'

/**
 * What counts refused credentials by peer, and says when a peer has to wait. Twinkey counts nothing
 * by itself: a limiter like `rate-limiter-flexible` is plugged in here. Where that fails, or does
 * not answer in time, requests are decided as if there were none.
 *
 * @typeParam R How a request is read.
 */
export interface Throttle<R> {
  /**
   * How long the peer has to wait. Asked only for a credential that would be refused, or that this
   * process has not let in lately: what others send from the same address never holds up a key that
   * is in use here.
   *
   * @param peer The address of the peer.
   * @returns Seconds, rounded up to become the Retry-After of the answer, a day at most; undefined
   *   or 0 where it need not wait.
   */
  retryAfterSeconds(peer: string): number | undefined | Promise<number | undefined>
  /**
   * Hears that a credential of this peer was refused as `credential_invalid`. The answer waits for
   * it, so that the next request is counted right.
   */
  failed(peer: string): unknown
  /**
   * Tells the address of the peer, where the framework does not. Left out, it is `req.ip` of
   * Express and `request.ip` of Fastify, which heed the proxies that those were told to trust, and
   * the other end of the socket with Hono on Node. On other hosts nothing is known. Where this
   * answers anything but text, the peer is not known and never has to wait.
   */
  peer?(request: R): unknown
}

/** Asks throttles so that nothing they do, throw or reject with reaches a decision. */
export interface FailureLimiter {
  /** The address of the peer, or undefined where it is not known. */
  peerOf<R>(throttle: Required<Throttle<R>>, request: R): string | undefined
  /** Whole seconds that the peer has to wait, or undefined where it need not. */
  secondsFor(throttle: Throttle<never>, peer: string): Promise<number | undefined>
  /** Tells of a refusal. */
  failed(throttle: Throttle<never>, peer: string): Promise<void>
}

const LONGEST_WAIT_SECONDS = 86_400

export function createFailureLimiter(
  deadlineMilliseconds: number,
  emit: Emit | undefined,
  now: () => number,
): FailureLimiter {
  function warn(error: unknown): undefined {
    const message =
      'A throttle failed, and a request was decided as if there were none. Look at the error.'
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
    throw new TypeError('retryAfterSeconds must answer a number of seconds, or undefined.')
  return wait > 0 ? Math.min(Math.ceil(wait), LONGEST_WAIT_SECONDS) : undefined
}
