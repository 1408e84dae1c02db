import { isRepeatable } from './body.ts'
import type { Credentials } from './credentials.ts'
import type { Grant } from './exchange.ts'
import { requireSafe } from './redirect.ts'

// The parts of got's types that are used.

/** The options of a request, as hooks get them. */
export interface GotRequestOptions {
  url?: unknown
  body?: unknown
  signal?: unknown
  context: Record<string, unknown>
  request?: unknown
  getRequestFunction(): unknown
}

/** The response of a request, as hooks get it. */
export interface GotResponse {
  readonly statusCode: number
  readonly request: { readonly options: GotRequestOptions }
}

/** Options for `got.extend`. */
export interface GotOptions {
  hooks: {
    beforeRequest: ((options: GotRequestOptions) => Promise<void>)[]
    beforeRedirect: ((options: GotRequestOptions) => void)[]
    afterResponse: (<R extends GotResponse>(
      response: R,
      retry: (options: Record<string, never>) => never,
    ) => Promise<R>)[]
  }
}

/** What the hooks know about a request. It is kept in the context of the request. */
interface Progress {
  readonly url: URL
  /** A function, so that nothing that prints the context prints the token. */
  readonly grant: () => Grant | undefined
  /** Whether all redirects so far stayed on origins that get the token. */
  readonly isTrusted: boolean
  readonly isRepeated: boolean
}

const PROGRESS = 'twinkey/client'

/**
 * Creates the hooks. The token is added below the options that got puts into its errors, so no error
 * holds it.
 */
export function createGotOptions(credentials: Credentials): GotOptions {
  async function beforeRequest(options: GotRequestOptions): Promise<void> {
    const url = new URL(String(options.url))
    const last = progressOf(options)
    const isTrusted = (last?.isTrusted ?? true) && credentials.isAllowed(url)
    const grant = isTrusted
      ? await credentials.grant(!isRepeatable(options.body), signalOf(options))
      : undefined
    const isRepeated = last?.isRepeated ?? false
    note(options, { url, grant: () => grant, isTrusted, isRepeated })
    if (grant !== undefined) addToken(options, grant)
  }

  function beforeRedirect(options: GotRequestOptions): void {
    const last = progressOf(options)
    if (last?.isTrusted === true) requireSafe(last.url, new URL(String(options.url)))
  }

  async function afterResponse<R extends GotResponse>(
    response: R,
    retry: (options: Record<string, never>) => never,
  ): Promise<R> {
    const { options } = response.request
    const progress = progressOf(options)
    const grant = progress?.grant()
    if (response.statusCode !== 401 || progress === undefined || grant === undefined)
      return response
    const renewal = credentials.afterRefusal(grant, signalOf(options))
    if (progress.isRepeated || !isRepeatable(options.body)) {
      renewal.catch(() => {})
      return response
    }
    if ((await renewal) === undefined) return response
    note(options, { ...progress, isRepeated: true })
    return retry({})
  }

  return {
    hooks: {
      beforeRequest: [beforeRequest],
      beforeRedirect: [beforeRedirect],
      afterResponse: [afterResponse],
    },
  }
}

function progressOf({ context }: GotRequestOptions): Progress | undefined {
  return context[PROGRESS] as Progress | undefined
}

function note(options: GotRequestOptions, progress: Progress): void {
  options.context = { ...options.context, [PROGRESS]: progress }
}

/** Makes got send the next request through a function that adds the token. */
function addToken(options: GotRequestOptions, grant: Grant): void {
  const previous = options.request
  const send = options.getRequestFunction() as (...args: unknown[]) => unknown
  options.request = (...args: unknown[]) => {
    // For this request only: a retry or a redirect adds its own token.
    options.request = previous
    return send(...args.map((each) => (hasHeaders(each) ? withToken(each, grant) : each)))
  }
}

function hasHeaders(value: unknown): value is { readonly headers: object } {
  return typeof (value as { headers?: unknown } | null)?.headers === 'object'
}

function withToken<T extends { readonly headers: object }>(
  request: T,
  { authorization }: Grant,
): T {
  return { ...request, headers: { ...request.headers, authorization } }
}

function signalOf({ signal }: GotRequestOptions): AbortSignal | undefined {
  return signal instanceof AbortSignal ? signal : undefined
}
