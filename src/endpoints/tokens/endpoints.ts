import type { RouteRequirement } from '../../core/decision/route-requirement.ts'
import type { Tokens } from '../../core/management/token-issuer.ts'
import type { Metadata } from '../../core/model/api-key.ts'
import { requireMembers } from '../../core/model/options-checks.ts'
import { isRefusal, methodNotAllowed, REFUSALS, type Refusal } from '../../core/model/refusal.ts'
import { createGuard, type Decider, isAnswer } from '../../guard/guard.ts'
import { checkedRequirement, type Requirement } from '../../guard/requirement.ts'
import { type BodySource, collectBody, readBody, unreadBody } from '../../http/body.ts'
import { jsonAnswer, type Profile, type WireAnswer, withoutSniffing } from '../../http/profile.ts'
import { WebWireRequest, type WireRequest } from '../../http/request.ts'
import { standard } from '../../profiles/standard.ts'

/** Options of the token endpoints. */
export interface EndpointOptions {
  /** The wire convention. Default: {@link standard}. */
  readonly profile?: Profile | undefined
  /** Limits refused credentials per peer, as on guarded routes. Default: no limit. */
  readonly throttle?: Requirement['throttle']
}

/** What the token endpoints need of a Twinkey. */
export interface TokenService<M extends Metadata = Metadata> extends Decider<M> {
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
  readonly tokens: Tokens<M>
}

/** One endpoint. It reads the body only if it needs it. */
type Endpoint = (
  request: WireRequest,
  body: () => Promise<BodySource | Refusal>,
) => Promise<WireAnswer>

/**
 * The endpoints of the token service, independent of a framework. They never reject because of what
 * a caller sent.
 */
export interface Endpoints {
  /** Query parameters that hold a credential. The adapter must remove them from the URL. */
  readonly secretQuery: readonly string[] | undefined
  /** The endpoints by path, relative to the mount point. */
  readonly paths: ReadonlyMap<string, Endpoint>
  /** `POST`: exchanges a secret for a token. Reads the body only if the secret is valid. */
  exchange(request: WireRequest, body: () => Promise<BodySource | Refusal>): Promise<WireAnswer>
  /** `GET`: describes the credential of the request. */
  test(request: WireRequest): Promise<WireAnswer>
  /** `GET`: publishes the public keys that verify tokens. */
  jwks(request: WireRequest): Promise<WireAnswer>
  /**
   * Calls the endpoint at a path relative to the mount point. Returns undefined if there is none.
   */
  route(
    path: string,
    request: WireRequest,
    body: () => Promise<BodySource | Refusal>,
  ): Promise<WireAnswer> | undefined
}

const JWKS_MAX_AGE_SECONDS = 300

export function createEndpoints<M extends Metadata>(
  twinkey: TokenService<M>,
  given: EndpointOptions = {},
): Endpoints {
  requireIssuer(twinkey)
  const { profile = standard(), throttle } = requireMembers(
    given,
    ['profile', 'throttle'],
    'The options of tokenRoutes',
  )
  const test = testEndpoint(twinkey, profile, throttle)
  const exchange = exchangeEndpoint(twinkey, profile, throttle)
  const jwks = jwksEndpoint(twinkey, profile)
  const endpoints: Pick<Endpoints, 'exchange' | 'test' | 'jwks'> = {
    exchange: async (request, body) => withoutSniffing(await exchange(request, body)),
    test: async (request) => withoutSniffing(await test(request)),
    jwks: async (request) => withoutSniffing(await jwks(request)),
  }
  const paths = new Map<string, Endpoint>()
  for (const [path, endpoint] of [
    [profile.exchangePath, endpoints.exchange],
    ['/test', endpoints.test],
    ['/jwks.json', endpoints.jwks],
  ] as const) {
    paths.set(path, endpoint)
    // Also accepts a trailing slash, because people type it and some routers add it.
    if (path !== '/') paths.set(`${path}/`, endpoint)
  }
  return {
    ...endpoints,
    secretQuery: profile.secretQuery,
    paths,
    route: (path, request, body) => paths.get(path)?.(request, body),
  }
}

// Called before the options are read: if the call of tokenRoutes was forgotten, a framework passes
// arguments of its own.
function requireIssuer<M extends Metadata>(twinkey: TokenService<M>): void {
  if (typeof twinkey?.tokens?.issue !== 'function') {
    throw new TypeError(
      'tokenRoutes: the first argument must be the result of createTwinkey, as in tokenRoutes(twinkey). A verifier cannot issue tokens.',
    )
  }
  if (!twinkey.tokens.canIssue) {
    throw new TypeError(
      'tokenRoutes: set tokens.signingKeys. An ephemeral key is used with memoryStore() only. Make a key with generateSigningKey() and configure it on every node.',
    )
  }
}

function exchangeEndpoint<M extends Metadata>(
  twinkey: TokenService<M>,
  profile: Profile,
  throttle: Requirement['throttle'],
): Endpoint {
  const credential = (request: WireRequest) =>
    profile.exchangeCredential?.(request) ?? profile.credential(request)
  const { username } = profile
  const requirement: RouteRequirement<WireRequest> = {
    ...checkedRequirement({ profile, anyTarget: true, accept: ['secret'], throttle }),
    reader: {
      credential,
      ...(username === undefined ? {} : { username: (name) => username.call(profile, name) }),
    },
  }
  return async (request, body) => {
    if (request.method !== 'POST') return profile.refuse(methodNotAllowed('POST'))
    const issued = await twinkey.tokens.exchange(request, requirement, async (principal) => {
      const members = readBody(await body())
      return members !== undefined && isRefusal(members)
        ? members
        : profile.tokenRequest(members, principal)
    })
    return issued.ok ? profile.tokenIssued(issued) : profile.refuse(issued.refusal)
  }
}

function testEndpoint<M extends Metadata>(
  twinkey: TokenService<M>,
  profile: Profile,
  throttle: Requirement['throttle'],
): Endpoints['test'] {
  // Describes tokens for every audience, because their issuer is the one to ask.
  const resource = twinkey.audiences
  const guard = createGuard(twinkey, { profile, anyTarget: true, throttle, resource })
  return async (request) => {
    if (!isRead(request)) return profile.refuse(methodNotAllowed('GET, HEAD'))
    const outcome = await guard.evaluate(request)
    if (isAnswer(outcome)) return outcome
    if (outcome.principal === undefined) return profile.refuse(REFUSALS.credentialMissing)
    const { principal } = outcome
    const tested = await twinkey.ask(() => profile.tokenTested(principal))
    return isRefusal(tested) ? profile.refuse(tested) : tested
  }
}

function jwksEndpoint<M extends Metadata>(
  twinkey: TokenService<M>,
  profile: Profile,
): Endpoints['jwks'] {
  return async (request) => {
    if (!isRead(request)) return profile.refuse(methodNotAllowed('GET, HEAD'))
    return jsonAnswer(200, await twinkey.tokens.jwks(), {
      'cache-control': `public, max-age=${JWKS_MAX_AGE_SECONDS}`,
    })
  }
}

function isRead({ method }: WireRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Converts an answer to a web-standard response. */
export function toResponse({ status, headers, body }: WireAnswer): Response {
  return new Response(body, { status, headers })
}

// The iteration of streams (Streams standard, section 4.2.5), which TypeScript's own types lack.
interface KeptStream {
  values(options: { preventCancel: boolean }): AsyncIterableIterator<Uint8Array>
}

/** Reads the body of a web-standard request. Returns a refusal if it was already read. */
export async function readWebBody(request: Request): Promise<BodySource | Refusal> {
  if (request.bodyUsed) return unreadBody(new WebWireRequest(request), 'other')
  let body: Request['body']
  try {
    body = request.body
  } catch {
    // @hono/node-server builds the Request only now, and throws if the URL has a user name.
    return REFUSALS.requestMalformed
  }
  // Does not cancel the rest of an oversized body: a server may then close the connection before
  // the response is written.
  return body === null
    ? { bytes: new Uint8Array() }
    : collectBody((body as unknown as KeptStream).values({ preventCancel: true }))
}
