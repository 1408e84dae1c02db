import { createOwnerScopes } from './core/cache/owner-scopes.ts'
import { createAuthenticator } from './core/decision/authenticate.ts'
import { createIdentifier } from './core/decision/identifier.ts'
import { createKeyCache, type KeyCache } from './core/decision/key-cache.ts'
import { createTokenVerifier } from './core/decision/token-verifier.ts'
import { createUsage } from './core/decision/usage.ts'
import { createKeyWrites } from './core/management/key-writes.ts'
import { createReservations } from './core/management/reservations.ts'
import { createTokenIssuer, type Tokens } from './core/management/token-issuer.ts'
import type { Metadata } from './core/model/api-key.ts'
import { nameProblem } from './core/model/checks.ts'
import { type AsyncDisposal, asyncDisposal } from './core/model/disposal.ts'
import { requireInput } from './core/model/error.ts'
import { createEventDispatcher, type WarningEvent } from './core/model/events.ts'
import type { Anonymous, Decision } from './core/model/principal.ts'
import type { Refusal } from './core/model/refusal.ts'
import type { ScopeValue } from './core/model/scope.ts'
import { checkedStore } from './core/store/checked-store.ts'
import { createInspection } from './core/store/inspection.ts'
import { redactError } from './core/store/store-error.ts'
import { withTimeout } from './core/store/timeout.ts'
import {
  configuredSigningKeys,
  ephemeralSigningKeys,
  noSigningKeys,
  type SigningKeys,
} from './core/tokens/signing-key.ts'
import {
  type CheckedRequirement,
  checkedRequirement,
  type Requirement,
} from './guard/requirement.ts'
import { WebWireRequest, type WireRequest } from './http/request.ts'
import { createKeys, type Keys } from './keys.ts'
import { type CheckedOptions, checkOptions, type TwinkeyOptions } from './options.ts'
import { isMemoryStore } from './stores/memory.ts'
import { eventFailures } from './telemetry/event-failures.ts'

// A cached token takes about 1 KB.
const MAX_TOKENS = 20_000

/**
 * Issues, verifies, rotates and scopes the API keys of one API. `await using` calls `close` at the
 * end of the block, on runtimes with `Symbol.asyncDispose`.
 */
export interface Twinkey<M extends Metadata = Metadata> extends AsyncDisposal {
  /** Creates, changes, lists and verifies keys. */
  readonly keys: Keys<M>
  /** Issues and verifies tokens. */
  readonly tokens: Tokens<M>
  /** The audiences that tokens can be for: `tokens.audience`, then `resources`. */
  readonly audiences: readonly string[]
  /** The environments that the deployment serves; `'*'` for any. */
  readonly environments: ScopeValue
  /**
   * Authenticates a request and checks it against a requirement. The adapters call this for you.
   * Call it yourself for a framework or protocol without an adapter.
   *
   * @param request A web-standard request, or your own implementation of `WireRequest`.
   * @param requirement The requirement of the route. Default: `{}`.
   * @returns The principal, or a refusal. Never rejects because of what a caller sent. A failing
   *   store is the refusal `unavailable`.
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
   * Like `authenticate`, but returns the decision without a promise if no store, signature, owner
   * or throttle has to be awaited.
   *
   * @throws TypeError for a wrong requirement.
   */
  decide(
    request: Request | WireRequest,
    requirement?: Requirement | CheckedRequirement,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous>
  /** Reads the clock of the options, in epoch milliseconds. */
  now(): number
  /**
   * Emits the event `warning.store_unavailable`. Endpoints call it for an error that their answer
   * must not show.
   */
  warn(message: string, error: unknown): void
  /**
   * Discards the cached `ownerScope` result of an owner. Call it when the scope of the owner
   * changes or the owner is deleted. Otherwise the change takes effect within
   * `cache.maxAgeSeconds`. Affects only this node.
   *
   * @throws {@link TwinkeyError} `invalid_input` if the owner is not a valid name.
   */
  invalidateOwner(owner: string): Promise<void>
  /**
   * Runs a lookup of a profile. If it rejects with `owner_unavailable`, emits an event with the
   * reason and returns the refusal `unavailable`. Other errors are rethrown. Applications use
   * `ownerScope` instead.
   */
  ask<T>(call: () => Promise<T> | T): Promise<T | Refusal>
  /**
   * Waits for background work: writes of last uses, and promises returned by `onEvent`. On hosts
   * that stop after the response, such as Workers, pass the result to `waitUntil`. The adapters for
   * Hono and for plain handlers do that if `waitUntil` exists.
   *
   * @returns A promise that never rejects. Undefined if there is no work in progress.
   */
  flush(): Promise<void> | undefined
  /**
   * Waits for background work and for writes in progress, up to `deadlineSeconds`, and stops
   * listening to the store. Writes that are still in progress are not retried. Does not close the
   * database client of the store.
   */
  close(): Promise<void>
}

/**
 * Creates a Twinkey. Create one per process and share it.
 *
 * @typeParam M The type of `metadata` that your application stores with each key.
 * @param options All options have defaults for development. In production, set `store`,
 *   `environments` and `tokens`.
 * @throws TypeError or RangeError for a wrong option. The message says what to do instead.
 * @example
 * ```ts
 * import { createTwinkey } from 'twinkey'
 *
 * const twinkey = createTwinkey({ prefixes: ['acme'], environments: ['production'] })
 * const scope = { tenants: ['t1'], workflows: ['flows.read'] }
 * const { key, primary } = await twinkey.keys.create({ name: 'billing', scope })
 * console.log(`${key.name}: ${primary}`)
 * ```
 */
export function createTwinkey<M extends Metadata = Metadata>(
  options: TwinkeyOptions = {},
): Twinkey<M> {
  const config = checkOptions(options)
  const { environments, ownerScope, uniqueNames, deadlineMilliseconds, now } = config
  const events = createEvents(config)
  const { emit } = events
  const { audience, resources } = config.tokens
  const audiences = Object.freeze([audience, ...resources])
  const { checked, cache, usage, inspection } = createStorage(config, events)
  const signingKeys = signingKeysOf(config, events)
  const verifier = tokenVerifierOf(config, signingKeys)
  const owners = ownerScope && createOwnerScopes(ownerScope, deadlineMilliseconds, config)
  const authenticator = createAuthenticator<M>({
    identifier: createIdentifier({ ...config, keys: cache, tokens: verifier }),
    owners,
    usage,
    environments,
    audience,
    deadlineMilliseconds,
    emit,
    now,
  })
  const writes = createKeyWrites(checked, cache, now)
  const watching = watchStore(config, cache, events)

  function flush(): Promise<void> | undefined {
    const pending = [usage.flush(), inspection?.flush(), events.flush()]
    const isIdle = pending.every((each) => each === undefined)
    return isIdle ? undefined : Promise.all(pending).then(() => {})
  }

  return {
    keys: createKeys(authenticator, {
      store: checked,
      writes,
      reservations: createReservations(checked, writes),
      uniqueNames,
      rules: config,
      environments: environments ?? '*',
      emit,
      now,
    }),
    tokens: createTokenIssuer({
      authenticator,
      rules: config.tokens,
      audiences,
      signingKeys,
      verifier,
      writes,
      maxLifetimeSeconds: config.tokens.maxLifetimeSeconds,
      emit,
      now,
    }),
    audiences,
    environments: environments ?? '*',
    now,
    warn: (message, error) => events.warn('warning.store_unavailable', message, redactError(error)),
    authenticate: async (
      request: Request | WireRequest,
      requirement: Requirement | CheckedRequirement = {},
    ) =>
      (await authenticator.decide(
        toWireRequest(request),
        checkedRequirement(requirement, audiences),
      )) as Decision<M>,
    decide: (request, requirement = {}) =>
      authenticator.decide(toWireRequest(request), checkedRequirement(requirement, audiences)),
    ask: authenticator.ask,
    flush,
    async invalidateOwner(owner) {
      requireInput(nameProblem(owner), 'owner')
      owners?.forget(owner)
    },
    close,
    ...asyncDisposal(close),
  }

  async function close(): Promise<void> {
    const stopped = watching.then((stop) => stop?.())
    const all = Promise.allSettled([stopped, flush(), checked.written()])
    await withTimeout(deadlineMilliseconds, 'store_unavailable', 'Closing failed', () => all).catch(
      () => {},
    )
    writes.end()
    checked.end()
  }
}

function createEvents({ onEvent, now }: CheckedOptions) {
  const dispatcher = onEvent && createEventDispatcher(onEvent, eventFailures(now))
  const emit = dispatcher?.emit
  return {
    emit,
    warn(type: WarningEvent['type'], message: string, error?: unknown): void {
      emit?.({ type, at: now(), message, ...(error === undefined ? {} : { error }) })
    },
    flush: () => dispatcher?.flush(),
  }
}

type Events = ReturnType<typeof createEvents>

function createStorage(config: CheckedOptions, { emit, warn }: Events) {
  const { store, deadlineMilliseconds } = config
  const inspection =
    store.inspect &&
    emit &&
    createInspection(
      () => checked.inspect(),
      (message) => warn('warning.store_unsafe', message),
    )
  const checked = checkedStore(store, deadlineMilliseconds, inspection?.answered)
  const usage = createUsage(checked, (error) =>
    warn('warning.store_unavailable', 'A last use was not written.', error),
  )
  return { checked, cache: createKeyCache(checked, config), usage, inspection }
}

// Starts the change feed of the store. Resolves to the function that stops it, if there is a feed.
function watchStore({ store }: CheckedOptions, cache: KeyCache, { warn }: Events) {
  const changed = (id: string | undefined) => cache.forget(typeof id === 'string' ? id : undefined)
  const failed = (error: unknown) => {
    const message =
      'The change feed of the store failed. Changes by other nodes take effect within cache.maxAgeSeconds.'
    warn('warning.store_unavailable', message, redactError(error))
  }
  const watching = Promise.resolve().then(() => store.watch?.(changed, failed))
  watching.catch(failed)
  return watching
}

function signingKeysOf({ store, tokens }: CheckedOptions, { warn }: Events): SigningKeys {
  if (tokens.signingKeys.length > 0) return configuredSigningKeys(tokens.signingKeys)
  if (!isMemoryStore(store)) return noSigningKeys()
  return ephemeralSigningKeys(() => {
    const message =
      'Tokens are signed with an ephemeral key that is lost when this process ends. Make a key with generateSigningKey() and keep it in tokens.signingKeys.'
    warn('warning.ephemeral_signing_key', message)
  })
}

function tokenVerifierOf({ tokens, maxKeys, now }: CheckedOptions, signingKeys: SigningKeys) {
  const { issuer, audience, resources, clockToleranceSeconds } = tokens
  return createTokenVerifier({
    issuer,
    audience,
    resources,
    clockToleranceSeconds,
    keyOf: signingKeys.find,
    mayHaveKey: (kid) => signingKeys.find(kid) !== undefined,
    maxTokens: Math.min(maxKeys, MAX_TOKENS),
    now,
  })
}

function toWireRequest(request: Request | WireRequest): WireRequest {
  return 'header' in request ? request : new WebWireRequest(request)
}
