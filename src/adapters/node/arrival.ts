import { waitForRest } from '../../http/body.ts'
import type { NodeRequest } from '../../http/request.ts'

/** The part of a Node request that shows whether all of it has arrived. */
export interface ArrivingRequest extends NodeRequest {
  readonly complete: boolean
  readonly destroyed: boolean
  on(event: 'data', listen: (chunk: Uint8Array) => void): unknown
  on(event: 'end' | 'close', listen: () => void): unknown
  resume(): unknown
}

/** The part of a Node response that answers are written to. */
export interface NodeResponse {
  statusCode: number
  readonly headersSent: boolean
  setHeader(name: string, value: string | readonly string[]): unknown
  appendHeader(name: string, value: string | readonly string[]): unknown
  hasHeader(name: string): boolean
  flushHeaders?(): void
  write(body: string | Uint8Array): unknown
  end(...args: unknown[]): unknown
}

/**
 * Delays the end of an answer until the whole request has arrived. The answer itself is written at
 * once.
 *
 * With `Connection: close`, over HTTP/1.0, and while the server stops, Node closes the connection
 * when the answer ends. If the client is still sending then, the connection is reset and the client
 * loses the answer. So the rest of the request is read and discarded first: at most 64 MiB, for at
 * most 30 seconds. HTTP/2 ends streams one by one and needs none of this.
 */
export function endWhenArrived(request: ArrivingRequest, response: NodeResponse): void {
  if (!isArriving(request)) return
  const { end } = response
  response.end = (...args: unknown[]) => {
    response.end = end
    // A small body arrives with its headers. It is complete once that packet is parsed.
    queueMicrotask(() => {
      if (request.complete || request.destroyed) return void end.apply(response, args)
      const [body, ...rest] = args
      if (typeof body === 'string' || body instanceof Uint8Array) {
        if (!response.headersSent && !response.hasHeader('content-length')) {
          response.setHeader('content-length', String(byteLength(body)))
        }
        response.write(body)
      }
      response.flushHeaders?.() // For answers without a body, such as those to HEAD.
      const ended = rest.find((each) => typeof each === 'function')
      void restOf(request).then(() => end.call(response, ended))
    })
    return response
  }
}

/** Closes the connection after an answer that is sent before the whole request has arrived. */
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
