import type { WireRequest } from '../../http/request.ts'

/** The proxies that can ask. Each sends method and URL in its own pair of headers. */
export type GatewayProxy = 'nginx' | 'forwarded'

/** The names of the pairs. */
const PAIRS: Readonly<Record<GatewayProxy, readonly [method: string, uri: string]>> = {
  nginx: ['x-original-method', 'x-original-uri'],
  forwarded: ['x-forwarded-method', 'x-forwarded-uri'],
}

// Some frameworks let a client replace method or path by these. The service behind the proxy would
// then serve a different route from the one that was checked. CGI and WSGI read an underscore as
// a hyphen.
const OVERRIDES = [
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
].flatMap(spellings)

/** A name with each of its hyphens, or with an underscore in its place. */
function spellings(name: string): readonly string[] {
  const [first = '', ...others] = name.split('-')
  return others.reduce(
    (found, part) => found.flatMap((each) => [`${each}-${part}`, `${each}_${part}`]),
    [first],
  )
}

const METHOD = /^[A-Z]+(?:-[A-Z]+)*$/
// Visible ASCII without `#`, because some servers remove a fragment.
const TARGET = /^\/[\x21-\x22\x24-\x7e]*$/

/** The names of the proxies. */
export const PROXIES = Object.keys(PAIRS)

/** Method and path of the request that a proxy asks about. */
export interface OriginalTarget {
  readonly method: string
  /** Path and query, as the client sent them. */
  readonly url: string
  /** The segments of the path, as the client sent them. The last is empty after a slash. */
  readonly written: readonly string[]
  /** The same, decoded. */
  readonly segments: readonly string[]
}

/**
 * Reads method and URL from the headers of the proxy.
 *
 * @returns Undefined if the pair is missing, repeated or not readable, if a client sent the other
 *   pair or an override, and for a path that the service may read in another way.
 */
export function readOriginal(
  request: WireRequest,
  proxy: GatewayProxy,
): OriginalTarget | undefined {
  const own = PAIRS[proxy]
  const foreign = Object.values(PAIRS)
    .flat()
    .filter((name) => !own.includes(name))
  if ([...foreign, ...OVERRIDES].some((name) => request.header(name) !== undefined))
    return undefined
  const [method = '', url = ''] = own.map((name) => request.header(name))
  // The values of a repeated header are joined by a comma and a space, and some servers remove the
  // space before an empty value.
  if (!METHOD.test(method) || !TARGET.test(url) || url.endsWith(',')) return undefined
  const path = url.split('?', 1)[0] as string
  const written = path.slice(1).split('/')
  const segments = written.map(readSegment)
  if (!segments.every((each) => each !== undefined) || written.slice(0, -1).includes(''))
    return undefined
  return { method, url, written, segments }
}

// Undefined for a segment that servers read in different ways: `.` and `..` in any spelling,
// parameters after a semicolon, encoded separators, and text that decodes to another escape.
function readSegment(written: string): string | undefined {
  if (written === '.' || written === '..' || /%2e/i.test(written)) return undefined
  try {
    const segment = decodeURIComponent(written)
    return /[\p{Cc}/\\;%]/u.test(segment) ? undefined : segment
  } catch {
    return undefined
  }
}

/** The request that a proxy asks about, as profiles and readers see it. */
export class OriginalRequest implements WireRequest {
  private readonly asked: WireRequest
  private readonly params: ReadonlyMap<string, string>
  readonly method: string
  readonly url: string
  readonly template: string

  /**
   * @param asked The request of the proxy. It has the headers of the client.
   * @param template The path of the route that matched.
   */
  constructor(
    asked: WireRequest,
    { method, url }: OriginalTarget,
    template: string,
    params: ReadonlyMap<string, string>,
  ) {
    this.asked = asked
    this.params = params
    this.method = method
    this.url = url
    this.template = template
  }

  header(name: string): string | undefined {
    return this.asked.header(name)
  }

  param(name: string): string | undefined {
    return this.params.get(name)
  }

  get peer(): string | undefined {
    return this.asked.peer
  }

  get native(): unknown {
    return this.asked.native
  }

  get requestId(): string | undefined {
    return this.asked.requestId
  }
}
