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

/** How the endpoints speak. */
export interface EndpointOptions {
  /** The wire convention: {@link standard} unless given. */
  readonly profile?: Profile | undefined
  /** What counts refused credentials by peer, as on guarded routes. */
  readonly throttle?: Requirement['throttle']
}

/** What decides and issues: a Twinkey. */
export interface TokenService<M extends Metadata = Metadata> extends Decider<M> {
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
  readonly tokens: Tokens<M>
}

/** One endpoint: from a request, and its body where that is needed, to an answer. */
type Endpoint = (
  request: WireRequest,
  body: () => Promise<BodySource | Refusal>,
) => Promise<WireAnswer>

/**
 * The endpoints of the token service, without a framework. They never reject for what a caller
 * sent.
 */
export interface Endpoints {
  /** Names in the query that hold a credential: to be taken out of the URL. */
  readonly secretQuery: readonly string[] | undefined
  /** The endpoints by their path below the mount point. */
  readonly paths: ReadonlyMap<string, Endpoint>
  /** Exchanges a secret for a token: POST. The body is asked for only where the secret is live. */
  exchange(request: WireRequest, body: () => Promise<BodySource | Refusal>): Promise<WireAnswer>
  /** Says who a credential belongs to: GET. */
  test(request: WireRequest): Promise<WireAnswer>
  /** Publishes the keys that verify tokens: GET. */
  jwks(request: WireRequest): Promise<WireAnswer>
  /**
   * The answer of whichever endpoint stands at a path below the mount point, or undefined where
   * none does.
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
  // First: where the call was forgotten, a framework hands in options of its own.
  if (typeof twinkey?.tokens?.issue !== 'function') {
    throw new TypeError(
      'tokenRoutes: the first argument must be what createTwinkey answers, as in tokenRoutes(twinkey). A verifier issues no tokens.',
    )
  }
  if (!twinkey.tokens.canIssue) {
    throw new TypeError(
      'tokenRoutes: Tokens need tokens.signingKeys: an ephemeral key serves memoryStore() only. Make a key with generateSigningKey() and give it to every node.',
    )
  }
  const { profile = standard(), throttle } = requireMembers(
    given,
    ['profile', 'throttle'],
    'The options of tokenRoutes',
  )
  const guard = createGuard(twinkey, { profile, anyTarget: true, throttle })
  const credential = (request: WireRequest) =>
    profile.exchangeCredential?.(request) ?? profile.credential(request)
  const exchanging: Profile = Object.assign(Object.create(profile), { credential })
  const exchangeRequirement = checkedRequirement({
    profile: exchanging,
    anyTarget: true,
    accept: ['secret'],
    throttle,
  })
  const spoken: Pick<Endpoints, 'exchange' | 'test' | 'jwks'> = {
    async exchange(request, body) {
      if (request.method !== 'POST') return profile.refuse(methodNotAllowed('POST'))
      const issued = await twinkey.tokens.exchange(request, exchangeRequirement, async (holder) => {
        const members = readBody(await body())
        return members !== undefined && isRefusal(members)
          ? members
          : profile.tokenRequest(members, holder)
      })
      return issued.ok ? profile.tokenIssued(issued) : profile.refuse(issued.refusal)
    },
    async test(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return profile.refuse(methodNotAllowed('GET, HEAD'))
      const outcome = await guard.evaluate(request)
      if (isAnswer(outcome)) return outcome
      if (outcome.principal === undefined) return profile.refuse(REFUSALS.credentialMissing)
      const { principal } = outcome
      const tested = await twinkey.ask(() => profile.tokenTested(principal))
      return isRefusal(tested) ? profile.refuse(tested) : tested
    },
    async jwks(request) {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return profile.refuse(methodNotAllowed('GET, HEAD'))
      return jsonAnswer(200, await twinkey.tokens.jwks(), {
        'cache-control': `public, max-age=${JWKS_MAX_AGE_SECONDS}`,
      })
    },
  }
  const endpoints: typeof spoken = {
    exchange: async (request, body) => withoutSniffing(await spoken.exchange(request, body)),
    test: async (request) => withoutSniffing(await spoken.test(request)),
    jwks: async (request) => withoutSniffing(await spoken.jwks(request)),
  }
  const paths = new Map<string, Endpoint>()
  for (const [path, endpoint] of [
    [profile.exchangePath, endpoints.exchange],
    ['/test', endpoints.test],
    ['/jwks.json', endpoints.jwks],
  ] as const) {
    paths.set(path, endpoint)
    // With a trailing slash too, as people type it and some routers add it.
    if (path !== '/') paths.set(`${path}/`, endpoint)
  }
  return {
    ...endpoints,
    secretQuery: profile.secretQuery,
    paths,
    route: (path, request, body) => paths.get(path)?.(request, body),
  }
}

/** An answer as a web-standard response. */
export function toResponse({ status, headers, body }: WireAnswer): Response {
  return new Response(body, { status, headers })
}

// The iteration of streams (Streams standard, section 4.2.5), which the types of TypeScript leave
// to each runtime.
interface KeptStream {
  values(options: { preventCancel: boolean }): AsyncIterableIterator<Uint8Array>
}

/** The body of a web-standard request, unless it was read already. */
export async function readWebBody(request: Request): Promise<BodySource | Refusal> {
  if (request.bodyUsed) return unreadBody(new WebWireRequest(request), 'other')
  let body: Request['body']
  try {
    body = request.body
  } catch {
    // A server of Hono's makes it a request only now, and throws where that cannot be: with the
    // name of a user in the URL.
    return REFUSALS.requestMalformed
  }
  // Not cancelled where more comes than is read: a server may take the connection away before the
  // answer is written.
  return body === null
    ? { bytes: new Uint8Array() }
    : collectBody((body as unknown as KeptStream).values({ preventCancel: true }))
}
