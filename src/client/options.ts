/** Options of {@link createClient}, which checks all of them when it is called. */
export interface ClientOptions {
  /**
   * The URL at which the API exchanges secrets for tokens, for example
   * `https://api.example.com/tokens`. An https URL, or http on this machine. It must not redirect.
   */
  readonly tokenUrl: string | URL
  /**
   * The primary secret of the key, and the secondary one if the key has two. Or a function that
   * loads them, from a file or a secret manager. The function is called before the first exchange,
   * and again when a secret is refused, at most every two seconds. White space around a secret is
   * removed. A secondary secret that is undefined or empty counts as absent.
   */
  readonly secrets: Secrets | (() => Secrets | Promise<Secrets>)
  /**
   * The scope of the tokens, as words like `tenant:t1 workflow:customers.read`. Default: the scope of
   * the key.
   */
  readonly scope?: string | undefined
  /** The URI of the API that the tokens are for (RFC 8707). Default: the default audience. */
  readonly resource?: string | undefined
  /**
   * The origins that get the token, like `https://api.example.com`. https, or http on this machine.
   * A request to any other origin is sent without it.
   */
  readonly origins: readonly string[]
  /**
   * Sends all requests, including the exchange. Default: `fetch` of the platform, looked up at each
   * call.
   */
  readonly fetch?: typeof fetch | undefined
  /** How long an exchange may take. Range: 0.001 to 60 seconds. Default: 10. */
  readonly deadlineSeconds?: number | undefined
  /**
   * A clock in milliseconds that is never set back. Default: `performance.now`, looked up at each
   * call.
   */
  readonly now?: (() => number) | undefined
  /**
   * Called when the client has changed to the other secret because one was refused. Renew the
   * refused one. What it throws is ignored.
   */
  readonly onFailover?: ((failover: Failover) => unknown) | undefined
  /**
   * Whether the client may run in a browser, where anyone who opens the page can read its secrets.
   * Default: false.
   */
  readonly allowBrowser?: boolean | undefined
}

/** The primary secret, and the secondary one if there is one. */
export type Secrets = readonly (string | undefined)[]

/** The position of a secret in `secrets`. */
export type SecretName = 'primary' | 'secondary'

/** The argument of {@link ClientOptions.onFailover}. */
export interface Failover {
  /** The secret that was refused. */
  readonly from: SecretName
  /** The secret that the client uses now. */
  readonly to: SecretName
}

/** The options after their checks. */
export interface CheckedOptions {
  readonly tokenUrl: URL
  readonly secrets: readonly string[] | (() => Secrets | Promise<Secrets>)
  readonly scope: string | undefined
  readonly resource: string | undefined
  readonly origins: ReadonlySet<string>
  readonly fetch: typeof fetch
  readonly deadlineMilliseconds: number
  readonly now: () => number
  readonly onFailover: ((failover: Failover) => unknown) | undefined
}

// Constants, so that clients with the default share their tokens. Both read the global at each call:
// tests and instrumentation replace it.
const platformFetch: typeof fetch = (input, init) => fetch(input, init)
const platformNow = () => performance.now()

const MEMBERS = [
  'tokenUrl',
  'secrets',
  'scope',
  'resource',
  'origins',
  'fetch',
  'deadlineSeconds',
  'now',
  'onFailover',
  'allowBrowser',
]

/**
 * Checks and copies the options.
 *
 * @throws TypeError or RangeError for a wrong option. The message says what to do instead.
 */
export function checkedOptions(options: ClientOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('createClient needs options: { tokenUrl, secrets, origins }.')
  const given = { ...options }
  const unknown = Object.keys(given).find((name) => !MEMBERS.includes(name))
  if (unknown !== undefined)
    throw new TypeError(`The options of createClient have no member ${JSON.stringify(unknown)}.`)
  requireServer(given.allowBrowser)
  for (const name of ['fetch', 'now', 'onFailover'] as const) {
    if (given[name] !== undefined && typeof given[name] !== 'function')
      throw new TypeError(`${name} must be a function.`)
  }
  return {
    tokenUrl: secureUrl(given.tokenUrl, 'tokenUrl'),
    secrets: typeof given.secrets === 'function' ? given.secrets : checkedSecrets(given.secrets),
    scope: optionalText(given.scope, 'scope'),
    resource: optionalText(given.resource, 'resource'),
    origins: originsOf(given.origins),
    fetch: given.fetch ?? platformFetch,
    deadlineMilliseconds: 1000 * deadlineOf(given.deadlineSeconds),
    now: given.now ?? platformNow,
    onFailover: given.onFailover,
  }
}

/**
 * Checks secrets and removes the white space around them.
 *
 * @throws TypeError if there is no usable primary secret. The message holds no secret.
 */
export function checkedSecrets(given: unknown): readonly string[] {
  if (!Array.isArray(given) || given.length < 1 || given.length > 2)
    throw new TypeError('secrets must be a list of the primary and, if any, the secondary secret.')
  const [primary, secondary = ''] = [...given]
  const secrets = [primary, secondary].map((each) =>
    typeof each === 'string' ? each.trim() : each,
  )
  if (secrets[1] === '' || secrets[1] === secrets[0]) secrets.pop()
  for (const [index, secret] of secrets.entries()) {
    if (typeof secret !== 'string' || !/^[\x21-\x7e]{1,512}$/.test(secret))
      throw new TypeError(
        `secrets[${index}] must be a secret: 1 to 512 visible ASCII characters. Is the variable or the file empty?`,
      )
  }
  return Object.freeze(secrets)
}

/** Whether a URL may carry a credential: https, or http on this machine. */
export function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(hostname)
}

function secureUrl(given: unknown, what: string): URL {
  const text = String(given)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !isSecure(url))
    throw new TypeError(
      `${what} must be an https URL (http only for this machine): everybody on the way could read the secret.`,
    )
  if (url.username !== '' || url.password !== '' || url.hash !== '')
    throw new TypeError(`${what} must not have a user name, a password or a fragment.`)
  return url
}

function originsOf(given: unknown): ReadonlySet<string> {
  if (!Array.isArray(given) || given.length === 0)
    throw new TypeError('origins must be a list of origins, like ["https://api.example.com"].')
  return new Set(
    [...given].map((each) => {
      const { origin, href } = secureUrl(each, 'origins: each')
      if (href !== `${origin}/`)
        throw new TypeError('origins: each must be an origin without a path or a query.')
      return origin
    }),
  )
}

function optionalText(given: unknown, what: string): string | undefined {
  if (given !== undefined && (typeof given !== 'string' || given === ''))
    throw new TypeError(`${what} must be a text that is not empty. Leave it out for the default.`)
  return given
}

function deadlineOf(given: unknown = 10): number {
  if (typeof given !== 'number' || !(given >= 0.001 && given <= 60))
    throw new RangeError('deadlineSeconds must be a number from 0.001 to 60.')
  return given
}

// Every browser calls itself Mozilla, in windows and in workers. Node, Bun, Deno and Workers do not.
function requireServer(allowBrowser: boolean | undefined): void {
  const agent = typeof navigator === 'undefined' ? '' : String(navigator.userAgent)
  if (allowBrowser !== true && agent.startsWith('Mozilla/'))
    throw new TypeError(
      'twinkey/client does not run in a browser: everybody who opens the page could read the secret. ' +
        'Call the API from your server, or set allowBrowser: true for a page that only you use.',
    )
}
