import { type AxiosAdapterWrapper, createAxiosAdapter } from './axios.ts'
import { createCredentials } from './credentials.ts'
import { createFetch } from './fetch.ts'
import { createGotOptions, type GotOptions } from './got.ts'
import { type ClientOptions, checkedOptions } from './options.ts'
import { createUndiciInterceptor, type UndiciInterceptor } from './undici.ts'

/** Calls an API with a token, which the client gets and renews. */
export interface Client {
  /**
   * A `fetch` that sends a token to the allowed origins. It can be passed to any library that takes a
   * `fetch`, such as ky: `ky.create({ fetch: client.fetch })`. It needs no `this`.
   *
   * If the API answers 401, it sends the request once more with a new token. It returns the 401 of a
   * request whose body is a stream, because a stream cannot be sent again. Other statuses are returned
   * as they are, including 403, 429 and 503. It follows redirects by the rules of Fetch, and does
   * not send the token to other origins.
   *
   * @throws ClientError, if there is no token (see {@link ClientErrorCode}) or a redirect is not
   *   followed. Otherwise as `fetch`.
   * @see RFC 6750 section 2.1
   */
  readonly fetch: typeof fetch
  /**
   * Returns a valid token, for a library that has no hook. Call it for each request: it returns at
   * once if there is a valid token.
   *
   * @throws ClientError
   */
  token(): Promise<string>
  /**
   * An interceptor for undici 7: `new Agent().compose(client.undici)`. Compose it after the interceptor
   * for redirects, if there is one. On a dispatcher that does not say which origin it calls, such as a
   * Client or a Pool, a request without `origin` throws a TypeError.
   */
  readonly undici: UndiciInterceptor
  /**
   * Wraps an adapter of axios: `axios.create({ adapter: client.axios(axios.getAdapter('http')) })`.
   * Errors of axios do not contain the token.
   */
  readonly axios: AxiosAdapterWrapper
  /**
   * Options for got 14: `got.extend(client.got)`. Errors of got do not contain the token. An error
   * of the client is the `cause` of got's error. With the stream API, a request is not repeated
   * after a 401.
   */
  readonly got: GotOptions
  /**
   * Waits for an exchange in progress. On hosts that stop after the response, such as Workers, pass it
   * to `waitUntil`, because tokens are renewed in the background.
   *
   * @returns Undefined if there is none. Never rejects.
   */
  flush(): Promise<void> | undefined
  /**
   * Ends the client. Calls that wait for a token fail with `client_closed`, and so do later calls.
   * Requests that were already sent continue. The tokens are dropped unless another client uses the
   * key.
   */
  close(): void
}

/**
 * Creates a client for an API that is guarded by Twinkey. It does nothing until the first request.
 *
 * Exchanges a secret for a token, once for all callers and all clients of the process with the same
 * token URL, secret, scope and resource. Renews the token in the background after 70 to 85 percent of
 * its life. If a secret is refused, it changes to the other one. Does not retry requests for any other
 * reason than a 401.
 *
 * @param options See {@link ClientOptions}.
 * @returns The client. Create one for each key, and keep it.
 * @throws TypeError or RangeError for a wrong option, and in a browser. The message says what to do
 *   instead.
 * @see RFC 6749 section 5.1, RFC 6750, RFC 8707
 * @example
 * ```ts
 * import { createClient } from 'twinkey/client'
 *
 * const client = createClient({
 *   tokenUrl: 'https://api.example.com/tokens',
 *   secrets: [process.env['API_SECRET'], process.env['API_SECRET_2']],
 *   origins: ['https://api.example.com'],
 * })
 * const response = await client.fetch('https://api.example.com/customers')
 * console.log(response.status)
 * ```
 */
export function createClient(options: ClientOptions): Client {
  const checked = checkedOptions(options)
  const credentials = createCredentials(checked)
  return Object.freeze({
    fetch: createFetch(credentials, checked.fetch),
    token: async () => (await credentials.grant(false)).token,
    undici: createUndiciInterceptor(credentials),
    axios: createAxiosAdapter(credentials),
    got: createGotOptions(credentials),
    flush: () => credentials.flush(),
    close: () => credentials.close(),
  })
}
