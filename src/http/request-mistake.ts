/**
 * The error for a request of a kind that is not expected here. Names what to pass instead, and
 * nothing of the request.
 */
export function requestMistake(request: unknown): TypeError {
  return new TypeError(`${problemOf(request)} ${ADVICE}`)
}

const ADVICE =
  'Use requireAuth of the adapter of your framework, such as twinkey/express. Without an adapter, pass a web-standard Request, or for Node: new NodeWireRequest(req) of twinkey/http.'

function problemOf(request: unknown): string {
  if (typeof request !== 'object' || request === null)
    return `The request is ${request === null ? 'null' : typeof request}, not a request.`
  if ('rawHeaders' in request)
    return "The request is one of Node's http module, which has no web-standard headers."
  if (hasHeaders(request) || 'req' in request || 'request' in request || 'raw' in request)
    return 'The request is that of a framework, or a context that contains one.'
  return 'The request is neither a web-standard Request nor a WireRequest.'
}

/** Whether it is a web-standard request. */
export function isWebRequest(request: unknown): boolean {
  return typeof (request as Request | undefined | null)?.headers?.get === 'function'
}

/** Whether it can be a request of Node. A test may construct one without headers. */
export function isNodeRequest(request: unknown): boolean {
  return typeof request === 'object' && request !== null && !isWebRequest(request)
}

function hasHeaders(request: object): boolean {
  const { headers } = request as { headers?: unknown }
  return typeof headers === 'object' && headers !== null
}
