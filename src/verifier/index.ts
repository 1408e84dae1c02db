/**
 * Verifies tokens with the public keys alone, for services that have no store. @module
 * twinkey/verifier
 */

import { createAuthenticator } from '../core/decision/authenticate.ts'
import { CredentialDenial, type Identifier, invalid } from '../core/decision/identifier.ts'
import { type Identity, identityForTokenAlone } from '../core/decision/identity.ts'
import { textOnly } from '../core/decision/route-requirement.ts'
import { wait } from '../core/decision/steps.ts'
import type { RememberedToken } from '../core/decision/token-memory.ts'
import { createTokenVerifier } from '../core/decision/token-verifier.ts'
import type { Metadata } from '../core/model/api-key.ts'
import { createEventDispatcher, type TwinkeyEvent } from '../core/model/events.ts'
import {
  clockOf,
  environmentsOf,
  requireMembers,
  requireName,
  requireNumber,
} from '../core/model/options-checks.ts'
import type { Anonymous, Decision } from '../core/model/principal.ts'
import { REFUSALS } from '../core/model/refusal.ts'
import { isTokenLike, MAX_CLOCK_TOLERANCE_SECONDS } from '../core/tokens/token.ts'
import type { Decider } from '../guard/guard.ts'
import type { CheckedRequirement } from '../guard/requirement.ts'
import type { WireRequest } from '../http/request.ts'
import { eventFailures } from '../telemetry/event-failures.ts'
import { type JwksSource, remoteKeys } from './remote-keys.ts'

export type { JwksSource } from './remote-keys.ts'

/** What {@link createVerifier} is made with. Everything is checked when it is called. */
export interface VerifierOptions {
  /**
   * Where the public keys come from: the https URL of the `jwks.json` of the API that issues, the
   * set itself, or a function that gets it. Asked when the first token comes, anew when it is four
   * minutes old, and at an unknown key id at most every ten seconds. It is believed for five
   * minutes; while it cannot be had, for an hour.
   */
  readonly jwks: JwksSource
  /** The `iss` that tokens must have. */
  readonly issuer: string
  /** The `aud` that tokens must have, alone or among others. */
  readonly audience: string
  /** The environments that this deployment serves. Left out, any environment may be named. */
  readonly environments?: readonly string[] | undefined
  /**
   * How far the clock of the issuer may be ahead, for `iat` and `nbf` only: 0 to 60 seconds, 30
   * unless given.
   */
  readonly clockToleranceSeconds?: number | undefined
  /**
   * How long getting the set may take: 2 seconds unless given, 60 at most. Who waits for it is then
   * refused as `unavailable`.
   */
  readonly deadlineSeconds?: number | undefined
  /**
   * Hears what happens. Nothing it does changes a decision. Where it throws or rejects, the event
   * is not sent again: `process.emitWarning`, or else `console.warn`, says so as
   * `warning.event_failed`, at most once a minute.
   */
  readonly onEvent?: ((event: TwinkeyEvent) => unknown) | undefined
  /**
   * The clock, in epoch milliseconds. Default: `Date.now`, looked up at each reading, so that fake
   * timers reach a verifier that exists already.
   */
  readonly now?: (() => number) | undefined
}

/**
 * Decides about requests by their token alone: mount it with `requireAuth` of any adapter, as a
 * Twinkey.
 */
export interface Verifier extends Decider {
  /** Decides about a request, as the guard of an adapter does. */
  authenticate(request: WireRequest, requirement: CheckedRequirement): Promise<Decision | Anonymous>
  /**
   * Verifies a token without a request, and without a target: what it reaches is in
   * `principal.scope`.
   *
   * @param token The token, as a caller sent it.
   * @returns The principal, or a refusal: `credential_invalid`, `unavailable`. It never rejects for
   *   what a caller sent.
   */
  verify(token: string): Promise<Decision>
}

const MEMBERS = [
  'jwks',
  'issuer',
  'audience',
  'environments',
  'clockToleranceSeconds',
  'deadlineSeconds',
  'onEvent',
  'now',
]
const MAX_TOKENS = 20_000

/**
 * Makes a verifier for a service that has neither the store nor the secrets of the API that issues:
 * it verifies tokens with the public keys, and holds requests to tenant, environment and workflow
 * as that API does.
 *
 * It cannot see that a key was disabled, revoked or narrowed, that its secret was replaced or its
 * owner is gone: a token lives here until it expires, an hour at most. Where that is too long, ask
 * for shorter tokens, or give the service the store. API keys themselves are refused.
 *
 * Of the holder it knows what the token says: `principal.name` is the key id, `principal.owner` the
 * subject where that is not the key itself, `principal.metadata` empty and `principal.slot`
 * undefined.
 *
 * @returns What decides, for `requireAuth`.
 * @throws TypeError or RangeError where an option is wrong, with what to do instead.
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
 * express().get('/reports', requireAuth(verifier, { workflow: 'reports.read' }), (req, res) => void res.json({ tenant: req.principal.tenant }))
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
  const identifier: Identifier = {
    recognise({ text }, kinds, at, age) {
      const token =
        kinds === 'secret' || !isTokenLike(text) ? undefined : tokens.recall(text, at, age)
      return token && tokenIdentity(token)
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
      const token = yield* wait(tokens.verify(text, header))
      if (typeof token === 'string') return invalid(token, undefined, !tokens.isOwn(text))
      return now() >= token.claims.expiresAt
        ? invalid('token_expired', token.claims.keyId)
        : tokenIdentity(token)
    },
    isCurrent: () => true,
  }

  const usage = { note: () => {}, flush: () => undefined }
  const authenticator = createAuthenticator<Metadata>({
    identifier,
    owners: undefined,
    usage,
    environments,
    deadlineMilliseconds,
    emit: dispatcher?.emit,
    now,
  })
  return {
    takes: 'token',
    decide: (request, requirement) => authenticator.decide(request, requirement),
    authenticate: async (request, requirement) => authenticator.decide(request, requirement),
    verify: async (token) => (await authenticator.decide(token, textOnly('token'))) as Decision,
    flush() {
      const [refreshed, dispatched] = [keys.flush(), dispatcher?.flush()]
      return (refreshed ?? dispatched) && Promise.all([refreshed, dispatched]).then(() => {})
    },
  }
}

function tokenIdentity(token: RememberedToken): Identity {
  token.identity ??= identityForTokenAlone(token.claims)
  return token.identity
}
