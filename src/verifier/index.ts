/**
 * Verifies tokens with the public keys alone, for services without a store. @module
 * twinkey/verifier
 */

import { createAuthenticator } from '../core/decision/authenticator.ts'
import { CredentialDenial, type Identifier, invalid } from '../core/decision/identifier.ts'
import { type Identity, identityForTokenAlone } from '../core/decision/identity.ts'
import type { Limits } from '../core/decision/limits.ts'
import { textOnly } from '../core/decision/route-requirement.ts'
import { wait } from '../core/decision/steps.ts'
import type { RememberedToken } from '../core/decision/token-memory.ts'
import { createTokenVerifier, type TokenVerifier } from '../core/decision/token-verifier.ts'
import { createWatches } from '../core/decision/watches.ts'
import type { Metadata } from '../core/model/api-key.ts'
import { createEventDispatcher, type TwinkeyEvent } from '../core/model/events.ts'
import {
  clockOf,
  environmentsOf,
  requireMembers,
  requireName,
  requireNumber,
} from '../core/model/options-checks.ts'
import type { Anonymous, Decision, Principal } from '../core/model/principal.ts'
import { REFUSALS, type RefusalReason } from '../core/model/refusal.ts'
import { MAX_LIFETIME_SECONDS } from '../core/tokens/claims.ts'
import { isTokenLike, MAX_CLOCK_TOLERANCE_SECONDS } from '../core/tokens/token.ts'
import { addressFrom, type ClientAddress, clientAddressOf } from '../guard/callbacks.ts'
import type { Decider } from '../guard/guard.ts'
import type { CheckedRequirement } from '../guard/requirement.ts'
import type { WireRequest } from '../http/request.ts'
import { createTraces } from '../telemetry/channels.ts'
import { eventFailures, onEndFailures } from '../telemetry/event-failures.ts'
import type { JwksSource } from './jwks-source.ts'
import { remoteKeys } from './remote-keys.ts'

export type { JwksSource } from './jwks-source.ts'

/** Options of {@link createVerifier}, which checks all of them when it is called. */
export interface VerifierOptions {
  /**
   * The public keys: the https URL of the `jwks.json` of the issuing API, a JWK set, or a function
   * that loads one. Loaded at the first token, again after four minutes, and for an unknown key id
   * at most every ten seconds. A set is used for up to five minutes, or for up to an hour while
   * loading fails.
   */
  readonly jwks: JwksSource
  /** The required `iss` of tokens. */
  readonly issuer: string
  /**
   * The required `aud` of tokens: `tokens.audience` of the issuing API, or the one of its
   * `resources` that this service is. A token may name further audiences.
   */
  readonly audience: string
  /** The environments that this deployment serves. Default: any environment. */
  readonly environments?: readonly string[] | undefined
  /**
   * Accepts tokens of keys that have limits. A verifier counts no requests, so such a key can make
   * any number of them here. Default: such tokens are refused as `credential_invalid`.
   */
  readonly limits?: 'not enforced here' | undefined
  /**
   * Returns the address of the client, for tokens of keys that are limited to networks. Default: as
   * for `createTwinkey`.
   */
  readonly clientAddress?: ClientAddress | undefined
  /**
   * How far the clock of the issuer may be ahead. Applies to `iat` and `nbf`, not to `exp`. Range:
   * 0 to 60 seconds. Default: 30.
   */
  readonly clockToleranceSeconds?: number | undefined
  /**
   * How long loading the JWK set may take. After that, requests that wait for it are refused as
   * `unavailable`. Range: 0.001 to 60 seconds. Default: 2.
   */
  readonly deadlineSeconds?: number | undefined
  /**
   * Receives every event. It never affects a decision. If it throws or rejects, the event is lost,
   * and `warning.event_failed` is reported at most once a minute, through `process.emitWarning` if
   * that exists, and otherwise through `console.warn`.
   */
  readonly onEvent?: ((event: TwinkeyEvent) => unknown) | undefined
  /**
   * The clock, in epoch milliseconds. Default: `Date.now`, looked up at each call, so that fake
   * timers also affect an existing verifier.
   */
  readonly now?: (() => number) | undefined
}

/** Authenticates requests by their token alone. Pass it to `requireAuth` of any adapter. */
export interface Verifier extends Decider {
  /** Authenticates a request and checks it against a requirement, as adapters do. */
  authenticate(request: WireRequest, requirement: CheckedRequirement): Promise<Decision | Anonymous>
  /**
   * Verifies a token without a request. Does not check a target: compare `principal.scope`
   * yourself. Refuses the token of a key that is limited to networks, because it has no address.
   *
   * @param token The token, as the caller sent it.
   * @returns The principal, or a refusal: `credential_invalid`, `network_denied`, `unavailable`. No
   *   input of a caller makes it reject.
   */
  verify(token: string): Promise<Decision>
  /**
   * Calls `onEnd` once, when the token of a connection that stays open expires. Like every decision
   * of a verifier, it does not see that the key was revoked or changed.
   *
   * @param principal The principal of the request, as the guard gave it, and not a copy.
   * @returns A function that ends the watch. Call it when the connection closes.
   * @throws TypeError if the first argument is not a principal, or the second is not a function.
   */
  watchPrincipal(principal: Principal, onEnd: (reason: RefusalReason) => unknown): () => void
}

const MEMBERS = [
  'jwks',
  'issuer',
  'audience',
  'environments',
  'limits',
  'clientAddress',
  'clockToleranceSeconds',
  'deadlineSeconds',
  'onEvent',
  'now',
]
const MAX_TOKENS = 20_000
// A verifier counts no requests.
const NO_LIMITS: Limits = { byDefault: undefined, count: () => ({ allowed: true, limits: [] }) }

/**
 * Creates a verifier for a service that has no access to the store. It verifies tokens with the
 * public keys of the issuing API, and checks tenant, environment and workflow as that API does.
 * Refuses API keys.
 *
 * Does not see that a key was disabled, revoked or narrowed, that its secret was replaced, or that
 * its owner was deleted: it accepts a token until it expires, for at most one hour. If that is too
 * long, lower `tokens.maxLifetimeSeconds` of the API, or give the service access to the store.
 *
 * The principal holds only what the token says. `name` is the key id, `owner` is the owner when the
 * token was issued, `metadata` is empty, and `slot` is undefined.
 *
 * @throws TypeError or RangeError for a wrong option. The message says what to do instead.
 * @see RFC 9068, RFC 7517
 * @example
 * ```ts
 * import express from 'express'
 * import { requireAuth } from 'twinkey/express'
 * import { createVerifier } from 'twinkey/verifier'
 *
 * const verifier = createVerifier({
 *   jwks: 'https://api.example.com/tokens/jwks.json',
 *   issuer: 'https://api.example.com',
 *   audience: 'https://api.example.com',
 * })
 * express().get('/reports', requireAuth(verifier, { workflow: 'reports.read' }), (req, res) => {
 *   res.json({ tenant: req.principal.tenant })
 * })
 * ```
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const given = requireMembers(options, MEMBERS, 'The options of createVerifier')
  const { jwks, issuer, audience, onEvent, now: clock } = given
  requireName(issuer, 'issuer')
  requireName(audience, 'audience')
  for (const [name, value] of Object.entries({ onEvent, now: clock })) {
    if (value !== undefined && typeof value !== 'function')
      throw new TypeError(`${name} must be a function.`)
  }
  const now = clockOf(clock === Date.now ? undefined : clock, () => Date.now())
  const clockToleranceSeconds = requireNumber(
    given.clockToleranceSeconds,
    30,
    0,
    MAX_CLOCK_TOLERANCE_SECONDS,
    'clockToleranceSeconds',
    Number.isFinite,
  )
  const deadlineMilliseconds =
    1000 * requireNumber(given.deadlineSeconds, 2, 0.001, 60, 'deadlineSeconds', Number.isFinite)
  const environments =
    given.environments === undefined ? undefined : environmentsOf(given.environments)
  if (given.limits !== undefined && given.limits !== 'not enforced here')
    throw new TypeError("limits must be 'not enforced here', or left out.")
  const readAddress = clientAddressOf(given.clientAddress)
  const dispatcher = onEvent && createEventDispatcher(onEvent, eventFailures(now))

  const keys = remoteKeys(jwks, deadlineMilliseconds, now, () => tokens.forget())
  const tokens = createTokenVerifier({
    issuer,
    audience,
    clockToleranceSeconds,
    keyOf: keys.find,
    mayHaveKey: (kid) => kid !== '',
    areKeysUsable: keys.areUsable,
    refreshKeys: keys.refresh,
    maxTokens: MAX_TOKENS,
    now,
  })
  const traces = createTraces()
  const usage = { note: () => {}, flush: () => undefined }
  const authenticator = createAuthenticator<Metadata>({
    identifier: tokenIdentifier(tokens, given.limits, now),
    owners: undefined,
    usage,
    limits: NO_LIMITS,
    environments,
    audience,
    deadlineMilliseconds,
    emit: dispatcher?.emit,
    trace: traces.authenticate,
    now,
  })
  const watches = createWatches({
    confirm: async (_, identity) =>
      now() >= (identity.validUntil as number) ? invalid('token_expired') : identity,
    usage,
    maxAgeMilliseconds: MAX_LIFETIME_SECONDS * 1000,
    failed: onEndFailures(now),
    now,
  })
  return traces.attach<Verifier>({
    takes: 'token',
    watchPrincipal: watches.watch,
    audiences: Object.freeze([audience]),
    clientAddress: (request) => addressFrom(readAddress, request),
    decide: (request, requirement) => authenticator.decide(request, requirement),
    authenticate: async (request, requirement) => authenticator.decide(request, requirement),
    verify: async (text) => (await authenticator.decide({ text }, textOnly('token'))) as Decision,
    flush() {
      const [refreshed, dispatched] = [keys.flush(), dispatcher?.flush()]
      return (refreshed ?? dispatched) && Promise.all([refreshed, dispatched]).then(() => {})
    },
  })
}

// Identifies tokens by themselves, without a key record.
function tokenIdentifier(
  tokens: TokenVerifier,
  limits: VerifierOptions['limits'],
  now: () => number,
): Identifier {
  // Only a service with the store counts requests. The application can accept that they are not
  // counted here.
  const isUncounted = ({ claims }: RememberedToken) =>
    claims.limits !== undefined && limits !== 'not enforced here'
  return {
    recognise({ text }, kinds, at, age) {
      const token =
        kinds === 'secret' || !isTokenLike(text) ? undefined : tokens.recall(text, at, age)
      return token && !isUncounted(token) ? tokenIdentity(token) : undefined
    },
    inspect({ text, form }, kinds) {
      if (form?.test(text) === false)
        return new CredentialDenial(REFUSALS.credentialMalformed, undefined)
      if (kinds === 'secret' || !isTokenLike(text)) return invalid('kind_not_accepted')
      const header = tokens.inspect(text)
      return typeof header === 'string'
        ? invalid(header, undefined, !tokens.isOwn(text))
        : { kind: 'token', text, kinds, header }
    },
    *identify(inspected) {
      if (inspected.kind !== 'token') return invalid('kind_not_accepted')
      const { text, header } = inspected
      const verified = tokens.verify(text, header)
      const token = 'then' in verified ? yield* wait(verified) : verified
      if (typeof token === 'string') return invalid(token, undefined, !tokens.isOwn(text))
      if (isUncounted(token)) return invalid('limits_not_enforced', token.claims.keyId)
      return now() >= token.claims.expiresAt
        ? invalid('token_expired', token.claims.keyId)
        : tokenIdentity(token)
    },
    isCurrent: () => true,
  }
}

function tokenIdentity(token: RememberedToken): Identity {
  token.identity ??= identityForTokenAlone(token.claims)
  return token.identity
}
