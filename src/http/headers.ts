/** The part of a request of Node's http or http2 module that holds its headers. */
export interface NodeHeaders {
  readonly httpVersionMajor?: number
  /** Alternating names and values, as received. Only this shows a repeated `Authorization`. */
  readonly rawHeaders?: readonly string[]
  /** What Node makes of the raw headers. The application may change it. */
  readonly headers?: Readonly<Record<string, unknown>>
  /** The server option with this name. */
  readonly joinDuplicateHeaders?: boolean | null | undefined
}

/** Replaces an unreadable value. Every reader refuses its control character and comma. */
export const UNREADABLE = '\0,'

// Node silently keeps only the first value of these headers. It joins all other repeated headers.
const FIRST_WINS = new Set(
  (
    'age authorization content-length content-type etag expires from host if-modified-since if-unmodified-since last-modified location ' +
    'max-forwards proxy-authorization referer retry-after server user-agent'
  ).split(' '),
)
const FIRST_WINS_HTTP2 = new Set(
  (
    ':authority :method :path :protocol :scheme access-control-allow-credentials access-control-max-age access-control-request-method age ' +
    'authorization content-encoding content-language content-length content-location content-md5 content-range content-type date dnt etag ' +
    'expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards ' +
    'proxy-authorization range referer retry-after tk upgrade-insecure-requests user-agent x-content-type-options'
  ).split(' '),
)

/**
 * Returns a header as received, even if the application has changed it. Joins the values of a
 * repeated header with `", "`.
 *
 * @param name In lower case.
 */
export function receivedHeader({ rawHeaders = [] }: NodeHeaders, name: string): string | undefined {
  let found: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const each = rawHeaders[i] as string
    if (each.length !== name.length || (each !== name && each.toLowerCase() !== name)) continue
    found = found === undefined ? (rawHeaders[i + 1] as string) : `${found}, ${rawHeaders[i + 1]}`
  }
  return found
}

/**
 * Returns the current value of a header: as the application set, changed or removed it. A header
 * that the application did not touch includes every received value, even those that Node drops.
 *
 * @param headers The current headers by lower-case name. Inherited members do not count.
 * @param name In lower case.
 */
export function currentHeader(
  request: NodeHeaders,
  headers: NodeHeaders['headers'],
  name: string,
): string | undefined {
  // Some requests are constructed without headers. Then the raw headers are the current ones.
  if (headers === undefined || headers === null) return receivedHeader(request, name)
  const current = Object.hasOwn(headers, name) ? headers[name] : undefined
  if (typeof current !== 'string') return headerText(current)
  // Node joins all values of a repeated header, except for headers of which it keeps only the first
  // value.
  if (!keepsFirst(request, name)) return current
  const received = receivedHeader(request, name)
  // The first check is almost always enough. The second copies the value.
  return received !== current &&
    received?.startsWith(`${current}, `) &&
    firstOf(request, name) === current
    ? received
    : current
}

function keepsFirst(
  { httpVersionMajor, joinDuplicateHeaders }: NodeHeaders,
  name: string,
): boolean {
  if (httpVersionMajor === 2) return FIRST_WINS_HTTP2.has(name)
  return FIRST_WINS.has(name) && joinDuplicateHeaders !== true
}

function firstOf({ rawHeaders = [] }: NodeHeaders, name: string): string | undefined {
  return rawHeaders[
    rawHeaders.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === name) + 1
  ]
}

function headerText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value)) return value.join(', ')
  return typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol'
    ? UNREADABLE
    : String(value)
}

/**
 * Returns the host of a request if all sources agree. Ignores case and a default port.
 *
 * @param named Hosts in order of preference. Undefined entries do not count.
 * @param url The request target. It names a host only in absolute form.
 * @returns The first host; {@link UNREADABLE} if one is repeated or two differ; undefined if no
 *   source names a host.
 */
export function agreedHost(
  named: readonly (string | undefined)[],
  url: string,
): string | undefined {
  const [first, ...others] = [...named, hostIn(url)].filter((each) => each !== undefined)
  if (first === undefined) return undefined
  return !first.includes(',') && others.every((each) => isSameHost(first, each))
    ? first
    : UNREADABLE
}

function hostIn(url: string): string | undefined {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1]
  // Some parsers treat a backslash as a slash, so two parsers may find different hosts.
  return authority?.includes('\\') ? UNREADABLE : authority?.slice(authority.lastIndexOf('@') + 1)
}

function isSameHost(one: string, other: string): boolean {
  return one === other || (canonical(one) !== undefined && canonical(one) === canonical(other))
}

function canonical(host: string): string | undefined {
  const url = `http://${host}`
  return /^[^/?#@\\\s,]+$/.test(host) && URL.canParse(url)
    ? new URL(url).host.replace(/:443$/, '')
    : undefined
}
