import { waitForRest } from '../../http/body.ts'
import type { NodeRequest } from '../../http/request.ts'

/** The part of a request of Node's http module that tells whether all of it has arrived. */
export interface ArrivingRequest extends NodeRequest {
  readonly complete: boolean
  readonly destroyed: boolean
  on(event: 'data', listen: (chunk: Uint8Array) => void): unknown
  on(event: 'end' | 'close', listen: () => void): unknown
  resume(): unknown
}

/** The part of a response of Node's http module that an answer is written to. */
export interface NodeResponse {
  statusCode: number
  readonly headersSent: boolean
  setHeader(name: string, value: string): unknown
  hasHeader(name: string): boolean
  flushHeaders?(): void
  write(body: string | Uint8Array): unknown
  end(...args: unknown[]): unknown
}

/**
 * Makes the answer to a request end when the whole request has arrived. The answer itself is
 * written at once.
 *
 * To end it is to close the connection, where client or server wish that: for one with `Connection:
 * close`, for HTTP/1.0, while the server stops. What the client still sends to a closed connection
 * is answered with a reset, which takes away the answer as well. So the rest is read and thrown
 * away before: at most 64 MiB, for at most 30 seconds. Streams of HTTP/2 end one by one and need
 * none of this.
 */
export function endWhenArrived(request: ArrivingRequest, response: NodeResponse): void {
  if (!isArriving(request)) return
  const { end } = response
  response.end = (...args: unknown[]) => {
    response.end = end
    // A small body is in the same packet as its headers, and has arrived when that has been parsed.
    queueMicrotask(() => {
      if (request.complete || request.destroyed) return void end.apply(response, args)
      const [body, ...rest] = args
      if (typeof body === 'string' || body instanceof Uint8Array) {
        if (!response.headersSent && !response.hasHeader('content-length')) {
          response.setHeader('content-length', String(byteLength(body)))
        }
        response.write(body)
      }
      // Where there is no body to write, as for HEAD.
      response.flushHeaders?.()
      const ended = rest.find((each) => typeof each === 'function')
      void restOf(request).then(() => end.call(response, ended))
    })
    return response
  }
}

/**
 * Has the connection closed after an answer that is written before its request has arrived: what
 * comes then is too much, or too late.
 */
export function closeUnlessArrived(request: ArrivingRequest, response: NodeResponse): void {
  if (isArriving(request) && !response.headersSent) response.setHeader('connection', 'close')
}

function isArriving({ complete, httpVersionMajor, rawHeaders = [] }: ArrivingRequest): boolean {
  if (complete !== false || httpVersionMajor !== 1) return false
  return rawHeaders.some(
    (name, i) => i % 2 === 0 && /^(?:content-length|transfer-encoding)$/i.test(name),
  )
}

function byteLength(body: string | Uint8Array): number {
  return typeof body === 'string' ? new TextEncoder().encode(body).length : body.length
}

function restOf(request: ArrivingRequest): Promise<void> {
  return waitForRest((take, end) => {
    request.on('data', ({ length }) => take(length))
    request.on('end', end)
    request.on('close', end)
    request.resume()
  })
}
