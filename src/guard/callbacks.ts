import type { RouteRequirement } from '../core/decision/route-requirement.ts'
import type { Throttle } from '../core/decision/throttle.ts'
import type { Metadata } from '../core/model/api-key.ts'
import type { Principal } from '../core/model/principal.ts'
import type { Refusal } from '../core/model/refusal.ts'
import type { WireRequest } from '../http/request.ts'
import { MAKER } from './readers.ts'

/**
 * Decides about a request that passed all other checks. Returns undefined to allow it, or a
 * refusal. Declared as a method, so that a function may take principals with the metadata of the
 * application.
 */
export type AuthorizeRoute = {
  authorize(
    principal: Principal<Metadata>,
    request: WireRequest,
  ): Refusal | undefined | Promise<Refusal | undefined>
}['authorize']

/** The part of a Twinkey or a verifier on which a requirement depends. */
export interface Deployment {
  /** The audiences that tokens can be for. Default: unknown, so any is accepted. */
  readonly audiences?: readonly string[] | undefined
  /** Returns the address of the client. Default: the `peer` of the request. */
  clientAddress?(request: WireRequest): string | undefined
}

/** Returns the address of a client, like `from.header('cf-connecting-ip')`. */
export type ClientAddress = (request: WireRequest) => unknown

/** Checks the option `clientAddress`. */
export function clientAddressOf(clientAddress: unknown): ClientAddress | undefined {
  if (clientAddress === undefined) return undefined
  if (typeof clientAddress !== 'function' || MAKER in clientAddress)
    throw new TypeError(
      "clientAddress must be a function from a request to an address, or a reader that was called, like from.header('cf-connecting-ip').",
    )
  return clientAddress as ClientAddress
}

/** The address of the client of a request, or undefined if it is unknown. */
export function addressFrom(
  read: ClientAddress | undefined,
  request: WireRequest,
): string | undefined {
  const address = read === undefined ? request.peer : read(request)
  return typeof address === 'string' && address !== '' ? address : undefined
}

/** The reader of the address of a client. */
export function addressOf(
  deployment: Pick<Deployment, 'clientAddress'>,
): (request: WireRequest) => string | undefined {
  return deployment.clientAddress === undefined
    ? (request) => request.peer
    : (request) => deployment.clientAddress?.(request)
}

/** Checks the decision of a route. */
export function authorizeOf({
  authorize,
}: {
  readonly authorize?: AuthorizeRoute | undefined
}): AuthorizeRoute | undefined {
  if (authorize !== undefined && typeof authorize !== 'function')
    throw new TypeError(
      'requireAuth: authorize must be a function that returns undefined to allow the request, or a refusal.',
    )
  return authorize
}

/** Checks a throttle. Calls the methods on the given object, which may be a class instance. */
export function throttleOf(
  throttle: Throttle<WireRequest>,
  address: (request: WireRequest) => unknown,
): NonNullable<RouteRequirement<WireRequest>['throttle']> {
  const of: unknown = throttle
  if (
    typeof of !== 'object' ||
    of === null ||
    typeof throttle.retryAfterSeconds !== 'function' ||
    typeof throttle.failed !== 'function'
  ) {
    throw new TypeError(
      'requireAuth: throttle must be an object with the methods retryAfterSeconds(peer) and failed(peer).',
    )
  }
  if (throttle.peer !== undefined && typeof throttle.peer !== 'function') {
    throw new TypeError(
      "requireAuth: throttle.peer must be a function from a request to an address, like from.header('cf-connecting-ip').",
    )
  }
  return {
    retryAfterSeconds: (peer) => throttle.retryAfterSeconds(peer),
    failed: (peer) => throttle.failed(peer),
    peer: (request) => (throttle.peer === undefined ? address(request) : throttle.peer(request)),
  }
}
