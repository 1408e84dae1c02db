import { createOwnerScopes } from './core/cache/owner-scopes.ts'
import { createAuthenticator } from './core/decision/authenticate.ts'
import { createIdentifier } from './core/decision/identifier.ts'
import { createKeyCache } from './core/decision/key-cache.ts'
import { createTokenVerifier } from './core/decision/token-verifier.ts'
import { createUsage } from './core/decision/usage.ts'
import type { Keyring } from './core/management/key-management.ts'
import { createKeyWrites } from './core/management/key-writes.ts'
import { createKeyring } from './core/management/keyring.ts'
import {
  createTokenIssuer,
  type Tokens,
  type Verified,
  verifyCredential,
} from './core/management/token-issuer.ts'
import type { Metadata } from './core/model/api-key.ts'
import { nameProblem } from './core/model/checks.ts'
import { requireInput } from './core/model/error.ts'
import { createEventDispatcher, type WarningEvent } from './core/model/events.ts'
import type { Anonymous, Decision, Refused } from './core/model/principal.ts'
import type { Refusal } from './core/model/refusal.ts'
import { checkedStore } from './core/store/checked-store.ts'
import { createInspection } from './core/store/inspection.ts'
import { redactError } from './core/store/store-error.ts'
import { withTimeout } from './core/store/timeout.ts'
import {
  configuredSigningKeys,
  ephemeralSigningKeys,
  noSigningKeys,
} from './core/tokens/signing-key.ts'
import {
  type CheckedRequirement,
  checkedRequirement,
  type Requirement,
} from './guard/requirement.ts'
import { WebWireRequest, type WireRequest } from './http/request.ts'
import { checkOptions, type TwinkeyOptions } from './options.ts'
import { isMemoryStore } from './stores/memory.ts'
import { eventFailures } from './telemetry/event-failures.ts'

// A remembered token takes about a kilobyte.
const MAX_TOKENS = 20_000

/** Management of keys, and verification of a secret without a request. */
export interface Keys<M extends Metadata = Metadata> extends Keyring<M> {
  /**
   * Verifies a secret, and that it and its key are live. It does not check a target: to guard a
   * route, use `authenticate`.
   *
   * @param secret The secret, as a caller sent it.
   * @returns Whose secret it is and what it reaches, or a refusal: `credential_invalid`,
   *   `unavailable`.
   */
  verify(secret: string): Promise<Verified<M> | Refused>
}

/** Issues, verifies, rotates and scopes the API keys of one API. */
export interface Twinkey<M extends Metadata = Metadata> {
  /** Creates, changes, lists and verifies keys. */
  readonly keys: Keys<M>
  /** Issues and verifies tokens. */
  readonly tokens: Tokens<M>
  /**
   * Decides whether a request is let in. Adapters do this for you; call it for a protocol that has
   * none.
   *
   * @param request A web-standard request, or one that is read in another way.
   * @param requirement What the route asks of it.
   * @returns The principal, or a refusal. Rejects for nothing that a caller can send; a store that
   *   fails is the refusal `unavailable`.
   */
  authenticate(
    request: Request | WireRequest,
    requirement: Requirement & { readonly optional: true },
  ): Promise<Decision<M> | Anonymous>
  authenticate(
    request: Request | WireRequest,
    requirement?: Requirement & { readonly optional?: false | undefined },
  ): Promise<Decision<M>>
  authenticate(
    request: Request | WireRequest,
    requirement: Requirement | CheckedRequirement,
  ): Promise<Decision<M> | Anonymous>
  /**
   * The same decision, without a promise if nothing must be awaited: no store, signature, owner or
   * throttle.
   *
   * @throws TypeError for a requirement that is wrong.
   */
  decide(
    request: Request | WireRequest,
    requirement?: Requirement | CheckedRequirement,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous>
  /**
   * Says that what an owner may reach has changed, or that the owner is gone. Until then
   * `ownerScope` is asked again only when its last answer is older than `cache.maxAgeSeconds`. This
   * reaches this node only.
   *
   * @throws {@link TwinkeyError} `invalid_input` where the owner is no name.
   */
  invalidateOwner(owner: string): Promise<void>
  /**
   * Runs a lookup of the application that a decision waits for. Where it is unavailable, an event
   * tells why, and the answer is the refusal `unavailable`. For profiles; applications have
   * `ownerScope`.
   */
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
  /**
   * What goes on after an answer: last uses being written, and the promises of `onEvent`. For hosts
   * that end with the response, as Workers do: hand it to `waitUntil`. The adapters for Hono and
   * for plain handlers do that where there is one.
   *
   * @returns A promise that resolves when it is done, and never rejects; undefined where nothing is
   *   left to do.
   */
  flush(): Promise<void> | undefined
  /**
   * Waits for what is pending and for writes under way, `deadlineSeconds` at most, and stops
   * listening to the store. What is under way then is not tried again. It does not close the
   * store's client, which is yours.
   */
  close(): Promise<void>
}

/**
 * Makes a Twinkey over a store. Make one for each process and share it.
 *
 * @typeParam M What your application keeps with a key: the type of `metadata` everywhere.
 * @param options All have defaults that serve for trying it out; in production give `store`,
 *   `environments` and `tokens`.
 * @returns The keys, the tokens and the decision.
 * @throws TypeError or RangeError where an option is wrong, with what to do instead.
 * @example
 * ```ts
 * import { createTwinkey } from 'twinkey'
 *
 * const twinkey = createTwinkey({ prefixes: ['acme'], environments: ['production'] })
 * const { key, primary } = await twinkey.keys.create({ name: 'billing', scope: { tenants: ['t1'] } })
 * console.log(`${key.name}: ${primary}`)
 * ```
 */
export function createTwinkey<M extends Metadata = Metadata>(
  options: TwinkeyOptions = {},
): Twinkey<M> {
  const {
    store,
    prefixes,
    environments,
    pepper,
    importedSecrets,
    tokens,
    ownerScope,
    maxKeys,
    maxAgeMilliseconds,
    deadlineMilliseconds,
    onEvent,
    now,
  } = checkOptions(options)
  const dispatcher = onEvent && createEventDispatcher(onEvent, eventFailures(now))
  const emit = dispatcher?.emit
  const warn = (type: WarningEvent['type'], message: string, error?: unknown) =>
    emit?.({ type, at: now(), message, ...(error === undefined ? {} : { error }) })
  const bounds = { maxKeys, maxAgeMilliseconds, deadlineMilliseconds, now }

  const inspection =
    store.inspect &&
    emit &&
    createInspection(
      () => checked.inspect(),
      (message) => warn('warning.store_unsafe', message),
    )
  const checked = checkedStore(store, deadlineMilliseconds, inspection?.answered)
  const cache = createKeyCache(checked, bounds)
  const owners = ownerScope && createOwnerScopes(ownerScope, deadlineMilliseconds, bounds)
  const usage = createUsage(checked, (error) =>
    warn('warning.store_unavailable', 'A last use was not written down.', error),
  )
  const signingKeys = signingKeysOf()
  const { issuer, audience, clockToleranceSeconds, maxLifetimeSeconds } = tokens
  const rules = { issuer, audience, clockToleranceSeconds, keyOf: signingKeys.find }

  const mayHaveKey = (kid: string) => signingKeys.find(kid) !== undefined
  const tokenVerifier = createTokenVerifier({
    ...rules,
    mayHaveKey,
    maxTokens: Math.min(maxKeys, MAX_TOKENS),
    now,
  })
  const identifier = createIdentifier({
    keys: cache,
    prefixes,
    pepper,
    importedSecrets,
    tokens: tokenVerifier,
    now,
  })
  const authenticator = createAuthenticator<M>({
    identifier,
    owners,
    usage,
    environments,
    deadlineMilliseconds,
    emit,
    now,
  })
  const writes = createKeyWrites(checked, cache, now)
  const keyring = createKeyring<M>({
    store: checked,
    writes,
    rules: { prefixes, pepper, importedSecrets },
    defaultScope: { environments: environments ?? '*', workflows: '*' },
    emit,
    now,
  })
  const changed = (id: string | undefined) => cache.forget(typeof id === 'string' ? id : undefined)
  const failed = (error: unknown) => {
    const message =
      'The store cannot tell of changes on other nodes: they are seen as the cache ages.'
    warn('warning.store_unavailable', message, redactError(error))
  }
  const watching = Promise.resolve().then(() => store.watch?.(changed, failed))
  watching.catch(failed)

  function signingKeysOf() {
    if (tokens.signingKeys.length > 0) return configuredSigningKeys(tokens.signingKeys)
    if (!isMemoryStore(store)) return noSigningKeys()
    return ephemeralSigningKeys(() => {
      const message =
        'Tokens are signed with a key that dies with this process. Keep one of generateSigningKey() in tokens.signingKeys.'
      warn('warning.ephemeral_signing_key', message)
    })
  }

  function flush(): Promise<void> | undefined {
    const uses = usage.flush()
    const looked = inspection?.flush()
    const dispatched = dispatcher?.flush()
    const isDone = uses === undefined && looked === undefined && dispatched === undefined
    return isDone ? undefined : Promise.all([uses, looked, dispatched]).then(() => {})
  }

  return {
    keys: { ...keyring, verify: (secret) => verifyCredential(authenticator, secret, 'secret') },
    tokens: createTokenIssuer({ authenticator, rules, signingKeys, maxLifetimeSeconds, emit, now }),
    authenticate: async (
      request: Request | WireRequest,
      requirement: Requirement | CheckedRequirement = {},
    ) =>
      (await authenticator.decide(
        toWireRequest(request),
        checkedRequirement(requirement),
      )) as Decision<M>,
    decide: (request, requirement = {}) =>
      authenticator.decide(toWireRequest(request), checkedRequirement(requirement)),
    ask: authenticator.ask,
    flush,
    async invalidateOwner(owner) {
      requireInput(nameProblem(owner), 'owner')
      owners?.forget(owner)
    },
    async close() {
      // Whatever the application plugged in gets its time, and no more.
      const ended = watching.then((stop) => stop?.())
      const all = Promise.allSettled([ended, flush(), checked.written()])
      await withTimeout(
        deadlineMilliseconds,
        'store_unavailable',
        'Closing failed',
        () => all,
      ).catch(() => {})
      writes.end()
      checked.end()
    },
  }
}

function toWireRequest(request: Request | WireRequest): WireRequest {
  return 'header' in request ? request : new WebWireRequest(request)
}
