import type { ExecutionContext } from '@nestjs/common'
import type { WireRequest } from '../../http/request.ts'
import { type Handshake, handshakeOf, handshakeWireRequest } from './handshake.ts'
import { nestWireRequest, type PlatformRequest } from './platform.ts'
import { type Required, requiredOf } from './required.ts'

/**
 * Returns the request of Express or Fastify in a context that is not HTTP: for GraphQL,
 * `(context) => context.getArgByIndex(2).req`.
 */
export type RequestOf = (context: ExecutionContext) => unknown

/** The request of a context, and how a guard reads it. */
export interface ContextRequest {
  readonly request: PlatformRequest | Handshake
  /** What the principal is kept on, for `@KeyPrincipal()`. */
  readonly keeper: object
  wire(secretQuery: readonly string[] | undefined): WireRequest
}

/** Returns the request of a context. @throws TypeError if the context has no known request. */
export function requestIn(
  context: ExecutionContext,
  requestOf: RequestOf | undefined,
): ContextRequest {
  const type = context.getType<string>()
  if (type === 'http') {
    const request = context.switchToHttp().getRequest<PlatformRequest>()
    return ofPlatform(request, request)
  }
  if (type === 'ws') {
    const request = handshakeOf(context.switchToWs().getClient())
    const wire = (secretQuery: readonly string[] | undefined) =>
      handshakeWireRequest(request, secretQuery)
    return { request, keeper: keeperIn(context, request), wire }
  }
  // A message of a microservice is not a request with headers of its own.
  const request = type === 'rpc' ? undefined : requestOf?.(context)
  if (typeof request === 'object' && request !== null)
    return ofPlatform(request as PlatformRequest, keeperIn(context, request))
  throw new TypeError(
    `twinkey/nest guards HTTP requests and sockets, and found none in a context of the type ${type}. For GraphQL, give requestOf to TwinkeyModule and KeyPrincipal. Put @Public() on handlers of microservices, and authenticate their connections.`,
  )
}

function ofPlatform(request: PlatformRequest, keeper: object): ContextRequest {
  return { request, keeper, wire: (secretQuery) => nestWireRequest(request, secretQuery) }
}

const KEEPERS = Symbol.for('twinkey.nest.keepers')

// Messages of one socket and fields of one operation share a request, and Nest runs them at the same
// time. Their principals differ only if they require different things.
function keeperIn(context: ExecutionContext, request: object): object {
  const of = request as { [KEEPERS]?: Map<Required | undefined, object> }
  of[KEEPERS] ??= new Map()
  const keepers = of[KEEPERS]
  const required = requiredOf(context)
  const keeper = keepers.get(required) ?? {}
  keepers.set(required, keeper)
  return keeper
}
