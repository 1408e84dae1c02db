/** What of a request of Node's http or http2 module its headers are read from. */
export interface NodeHeaders {
  readonly httpVersionMajor?: number
  /**
   * Names and values in turn, as they were received. Only this shows a repeated `Authorization`.
   */
  readonly rawHeaders?: readonly string[]
  /** What Node makes of the raw headers, and the application changes. */
  readonly headers?: Readonly<Record<string, unknown>>
  /** The server option of that name. */
  readonly joinDuplicateHeaders?: boolean | null | undefined
}

/**
 * Stands for a value that is there and cannot be read. No name may contain it, and it is no single
 * value: every reader refuses it.
 */
const UNREADABLE = '\0,'

// Node keeps the first value of these and drops the others without a word. All other repeated
// headers it joins.
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
 * A header as it was received, whatever was done to the request since: the values of a repeated one
 * joined by `", "`.
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
 * A header as it stands now. What the application has set, changed or removed counts as the
 * application left it. A header that still is what Node made of several received ones is read as
 * all of them, so that a repeated one shows.
 *
 * @param headers The current headers, by lower-case name: the own members only.
 * @param name In lower case.
 */
export function currentHeader(
  request: NodeHeaders,
  headers: NodeHeaders['headers'],
  name: string,
): string | undefined {
  // Some requests are made up without them. Then nobody has changed what is in the raw ones.
  if (headers === undefined || headers === null) return receivedHeader(request, name)
  const current = Object.hasOwn(headers, name) ? headers[name] : undefined
  if (typeof current !== 'string') return headerText(current)
  // Node's text of a repeated header has all values in it, unless Node keeps the first one only.
  if (!keepsFirst(request, name)) return current
  const received = receivedHeader(request, name)
  return received?.startsWith(`${current}, `) && firstOf(request, name) === current
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
 * The host that a request is for, where everything that names it agrees. A port that is the default
 * counts as none, and case does not count.
 *
 * @param named What names it, in the order of preference; undefined where something does not.
 * @param url The request target. Only one in absolute form names a host.
 * @returns The first that is there; {@link UNREADABLE} where one is repeated or two differ;
 *   undefined where nothing names a host.
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
  // Some parsers take a backslash for a slash, so two of them would find two hosts.
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
