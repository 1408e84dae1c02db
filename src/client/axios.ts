import { isRepeatable } from './body.ts'
import type { Credentials } from './credentials.ts'
import type { Grant } from './exchange.ts'
import { requireSafe } from './redirect.ts'
import { sendWithToken } from './send.ts'

// The parts of axios's types that are used.

/** The configuration of a request, as an adapter gets it. */
export interface AxiosConfig {
  readonly url?: string | undefined
  readonly baseURL?: string | undefined
  readonly allowAbsoluteUrls?: boolean | undefined
  readonly headers: { concat(...others: Record<string, string>[]): unknown }
  readonly data?: unknown
  readonly signal?: unknown
  readonly beforeRedirect?:
    | ((options: Record<string, unknown>, ...rest: never[]) => void)
    | undefined
}

/** The members of an answer, or of an error, that are used. */
export interface AxiosAnswer {
  status?: number
  config?: unknown
  request?: unknown
}

/** Wraps an adapter of axios. */
export type AxiosAdapterWrapper = <C extends AxiosConfig, A extends AxiosAnswer>(
  adapter: (config: C) => Promise<A>,
) => (config: C) => Promise<A>

interface AxiosFailure {
  config?: unknown
  request?: unknown
  response?: AxiosAnswer
}

/** An answer, or the error that axios makes of one. */
type Outcome<A> = { readonly answer: A } | { readonly error: AxiosFailure }

/**
 * Creates the wrapper. The token is added below the configuration that axios puts into its errors, so
 * no error holds it.
 */
export function createAxiosAdapter(credentials: Credentials): AxiosAdapterWrapper {
  return (adapter) => async (config) => {
    const url = urlOf(config)
    if (url === undefined || !credentials.isAllowed(url)) return adapter(config)
    const canRepeat = isRepeatable(config.data)
    const outcome = await sendWithToken(credentials, {
      isRepeatable: canRepeat,
      canRepeat: () => canRepeat,
      signal: signalOf(config),
      send: (grant) => outcomeOf(adapter(withToken(credentials, config, url, grant)), config),
      statusOf: (outcome) =>
        'answer' in outcome ? outcome.answer.status : outcome.error.response?.status,
      discard() {},
    })
    if ('answer' in outcome) return outcome.answer
    throw outcome.error
  }
}

// As axios combines them. The adapter gets the result, so that it calls what was checked.
function urlOf({ baseURL = '', url = '', allowAbsoluteUrls }: AxiosConfig): URL | undefined {
  const isAbsolute = /^(?:[a-z][a-z\d+.-]*:)?\/\//i.test(url)
  const isWhole = baseURL === '' || (isAbsolute && allowAbsoluteUrls !== false)
  const path = url === '' ? '' : `/${url.replace(/^\/+/, '')}`
  const text = isWhole ? url : url === '' ? baseURL : withoutSlashes(baseURL) + path
  return URL.canParse(text) ? new URL(text) : undefined
}

function withoutSlashes(text: string): string {
  let end = text.length
  while (text.charAt(end - 1) === '/') end--
  return text.slice(0, end)
}

function withToken<C extends AxiosConfig>(
  credentials: Credentials,
  config: C,
  url: URL,
  { authorization }: Grant,
): C {
  let from = url
  let isTrusted = true
  return {
    ...config,
    url: url.href,
    baseURL: undefined,
    headers: config.headers.concat({ Authorization: authorization }),
    beforeRedirect(options: Record<string, unknown>, ...rest: never[]) {
      const to = new URL(String(options['href']))
      requireSafe(from, to)
      from = to
      isTrusted &&= credentials.isAllowed(to)
      const headers = (options['headers'] ?? {}) as Record<string, unknown>
      for (const name of Object.keys(headers)) {
        if (name.toLowerCase() === 'authorization') delete headers[name]
      }
      if (isTrusted) options['headers'] = { ...headers, authorization }
      config.beforeRedirect?.(options, ...rest)
    },
  }
}

async function outcomeOf<A extends AxiosAnswer>(
  sending: Promise<A>,
  config: AxiosConfig,
): Promise<Outcome<A>> {
  try {
    return { answer: withoutToken(await sending, config) }
  } catch (thrown) {
    if (typeof thrown !== 'object' || thrown === null) throw thrown
    const error: AxiosFailure = thrown
    if ('config' in error) withoutToken(error, config)
    if (typeof error.response === 'object') withoutToken(error.response, config)
    return { error }
  }
}

// The request of Node shows its headers to `inspect`, so it becomes a hidden member.
function withoutToken<T extends AxiosAnswer | AxiosFailure>(holder: T, config: AxiosConfig): T {
  holder.config = config
  const { request: value } = holder
  if (value !== undefined)
    Object.defineProperty(holder, 'request', {
      value,
      enumerable: false,
      writable: true,
      configurable: true,
    })
  return holder
}

function signalOf({ signal }: AxiosConfig): AbortSignal | undefined {
  return signal instanceof AbortSignal ? signal : undefined
}
