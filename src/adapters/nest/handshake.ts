import {
  hideFromUrl,
  type NodeRequest,
  NodeWireRequest,
  type WireRequest,
} from '../../http/request.ts'

/** The request that opened a socket. */
export type Handshake = NodeRequest & { url?: string | undefined; principal?: unknown }

// Registered, because the gateway may use another copy of the package.
const HANDSHAKE = Symbol.for('twinkey.nest.handshake')

interface Socket {
  /** Socket.IO keeps the request. */
  readonly request?: unknown
  readonly [HANDSHAKE]?: () => Handshake
}

/**
 * Keeps the request that opened a socket, for `@RequireKey()` on the messages of a gateway. The
 * adapter for `ws` does not keep it: call this first in `handleConnection` of the gateway. Sockets
 * of Socket.IO need no call.
 *
 * @param client The socket, as `handleConnection` gets it.
 * @param request The request, as `handleConnection` gets it.
 * @throws TypeError if one of the two is not an object, or the request has no headers.
 */
export function keepHandshake(client: object, request: object): void {
  if (typeof client !== 'object' || client === null || !isHandshake(request))
    throw new TypeError(
      'keepHandshake: pass the two arguments of handleConnection(client, request). The request has the headers of the handshake.',
    )
  // A function, so that code that prints the socket does not print the credential.
  Object.defineProperty(client, HANDSHAKE, { value: () => request, configurable: true })
}

/** Returns the request that opened a socket. @throws TypeError if it is not known. */
export function handshakeOf(client: unknown): Handshake {
  const { [HANDSHAKE]: kept, request } = Object(client) as Socket
  const found = kept?.() ?? request
  if (isHandshake(found)) return found
  throw new TypeError(
    'twinkey/nest found no request of this socket. Call keepHandshake(client, request) of twinkey/nest in handleConnection of the gateway.',
  )
}

/** Creates the wire request of a handshake. Its peer is the remote end of the socket. */
export function handshakeWireRequest(
  request: Handshake,
  secretQuery: readonly string[] | undefined,
): WireRequest {
  const wire = new NodeWireRequest(request)
  if (secretQuery !== undefined) request.url = hideFromUrl(request, secretQuery)
  return wire
}

function isHandshake(value: unknown): value is Handshake {
  return typeof value === 'object' && value !== null && 'headers' in value && 'url' in value
}
