import { createOwnerScopes } from './core/cache/owner-scopes.ts'
import { createAuthenticator } from './core/decision/authenticator.ts'
import { createConfirm } from './core/decision/confirmation.ts'
import { createIdentifier } from './core/decision/identifier.ts'
import { createLimits } from './core/decision/limits.ts'
import { createWatches } from './core/decision/watches.ts'
import type { DeploymentPolicies } from './core/management/deployment-policies.ts'
import { createKeyWrites } from './core/management/key-writes.ts'
import { createReservations } from './core/management/reservations.ts'
import { createTokenIssuer, type Tokens } from './core/management/token-issuer.ts'
import type { Metadata } from './core/model/api-key.ts'
import { nameProblem } from './core/model/checks.ts'
import { type AsyncDisposal, asyncDisposal } from './core/model/disposal.ts'
import { requireInput } from './core/model/error.ts'
import type { WarningEvent } from './core/model/events.ts'
import type { Anonymous, Decision, Principal } from './core/model/principal.ts'
import type { Refusal, RefusalReason } from './core/model/refusal.ts'
import type { ScopeValue } from './core/model/scope.ts'
import { redactError } from './core/store/store-error.ts'
import { withTimeout } from './core/store/timeout.ts'
import { addressFrom } from './guard/callbacks.ts'
import {
  type CheckedRequirement,
  checkedRequirement,
  type Requirement,
} from './guard/requirement.ts'
import type { WireRequest } from './http/request.ts'
import { wireRequestOf } from './http/wire-request.ts'
import { createKeys, type Keys } from './keys.ts'
import { checkOptions, type TwinkeyOptions } from './options.ts'
import { createEvents, createStorage, signingKeysOf, tokenVerifierOf, watchStore } from './parts.ts'
import { type Settings, settingsOf } from './settings.ts'
import { createTraces } from './telemetry/channels.ts'
import { onEndFailures } from './telemetry/event-failures.ts'

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
  /** The rules for all keys. */
  readonly policies: DeploymentPolicies
  /** Whether there is a `limiter`. Without one, no key can have limits. */
  readonly hasLimiter: boolean
  /**
   * Authenticates a request and checks it against a requirement. The adapters call this for you.
   * Call it yourself for a framework or protocol without an adapter.
   *
   * @param request A web-standard request, or your own implementation of `WireRequest`.
   * @param requirement The requirement of the route. Default: `{}`.
   * @returns The principal, or a refusal. Never rejects because of what a caller sent. A failing
   *   store is the refusal `unavailable`. Rejects with a TypeError for a request of Node or of a
   *   framework, such as that of Express.
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
   * @throws TypeError for a wrong requirement, and for a request of Node or of a framework.
   */
  decide(
    request: Request | WireRequest,
    requirement?: Requirement | CheckedRequirement,
  ): Decision<M> | Anonymous | Promise<Decision<M> | Anonymous>
  /**
   * Watches the caller of a connection that stays open, such as a WebSocket or a stream. Calls
   * `onEnd` once, as soon as the principal would no longer be let in: its key was disabled, revoked
   * or deleted, its secret or token ended, or the key or its owner now has a narrower scope or
   * other networks. A change on this node ends it at once, a change on another node as soon as the
   * feed of the store reports it, and in any case within `cache.maxAgeSeconds`, or within one second
   * if that is longer. While the store fails, the connection stays open for about a minute.
   *
   * Reads the key when it is called, and again every `cache.maxAgeSeconds`. The secret counts as
   * used as long as the connection is open.
   *
   * @param principal The principal of the request, as the guard gave it, and not a copy.
   * @param onEnd Closes the connection. The reason is for your log. If it throws or rejects,
   *   `warning.on_end_failed` is reported as a warning of the process, at most once a minute.
   * @returns A function that ends the watch. Call it when the connection closes.
   * @throws TypeError if the first argument is not a principal, or the second is not a function.
   */
  watchPrincipal(principal: Principal, onEnd: (reason: RefusalReason) => unknown): () => void
  /**
   * The address of the client of a request, as `clientAddress` of the options says.
   *
   * @throws TypeError for a request of Node or of a framework.
   */
  clientAddress(request: Request | WireRequest): string | undefined
  /** Reads the clock of the options, in epoch milliseconds. */
  now(): number
  /**
   * Returns the options that an operator checks, without secrets. The command line uses it. A check
   * at the start of your application can use it, too.
   */
  settings(): Settings
  /**
   * Emits a warning. Endpoints call it for an error that their answer must not show.
   *
   * @param type Default: `warning.store_unavailable`.
   */
  warn(message: string, error: unknown, type?: WarningEvent['type']): void
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
  const { environments, ownerScope, uniqueNames, limiter, deadlineMilliseconds, now } = config
  const events = createEvents(config)
  const { emit } = events
  const { audience, resources } = config.tokens
  const audiences = Object.freeze([audience, ...resources])
  const traces = createTraces()
  const { checked, cache: keys, usage, inspection } = createStorage(config, events, traces.store)
  const signingKeys = signingKeysOf(config, events)
  const verifier = tokenVerifierOf(config, signingKeys)
  const limits = createLimits({
    limiter,
    byDefault: config.policies.limits,
    deadlineMilliseconds,
    emit,
    now,
  })
  const owners = ownerScope && createOwnerScopes(ownerScope, deadlineMilliseconds, config)
  const authenticator = createAuthenticator<M>({
    identifier: createIdentifier({ ...config, keys, tokens: verifier }),
    owners,
    usage,
    limits,
    environments,
    audience,
    deadlineMilliseconds,
    emit,
    trace: traces.authenticate,
    now,
  })
  const clientAddress = (request: Request | WireRequest) =>
    addressFrom(config.clientAddress, wireRequestOf(request))
  const deployment = { audiences, clientAddress }
  const watches = createWatches({
    ...config,
    confirm: createConfirm(keys, owners, now),
    usage,
    failed: onEndFailures(now),
  })
  const cache: typeof keys = {
    ...keys,
    forget(id) {
      keys.forget(id)
      watches.keyChanged(id)
    },
  }
  const writes = createKeyWrites(checked, cache, now)
  const watching = watchStore(config, cache, events)

  function flush(): Promise<void> | undefined {
    const pending = [usage.flush(), inspection?.flush(), events.flush()]
    const isIdle = pending.every((each) => each === undefined)
    return isIdle ? undefined : Promise.all(pending).then(() => {})
  }

  return traces.attach<Twinkey<M>>({
    keys: createKeys(authenticator, {
      store: checked,
      writes,
      reservations: createReservations(checked, writes),
      uniqueNames,
      limiter,
      policies: config.policies,
      deadlineMilliseconds,
      rules: config,
      verifier,
      environments: environments ?? '*',
      emit,
      now,
    }),
    tokens: createTokenIssuer({
      authenticator,
      issuer: config.tokens.issuer,
      audiences,
      signingKeys,
      verifier,
      writes,
      limits: limits.byDefault,
      maxLifetimeSeconds: config.tokens.maxLifetimeSeconds,
      emit,
      trace: traces.exchange,
      now,
    }),
    audiences,
    environments: environments ?? '*',
    policies: config.policies,
    hasLimiter: limiter !== undefined,
    clientAddress,
    now,
    settings: () => settingsOf(config),
    warn: (message, error, type = 'warning.store_unavailable') =>
      events.warn(type, message, redactError(error)),
    authenticate: async (
      request: Request | WireRequest,
      requirement: Requirement | CheckedRequirement = {},
    ) =>
      (await authenticator.decide(
        wireRequestOf(request),
        checkedRequirement(requirement, deployment),
      )) as Decision<M>,
    decide: (request, requirement = {}) =>
      authenticator.decide(wireRequestOf(request), checkedRequirement(requirement, deployment)),
    watchPrincipal: watches.watch,
    ask: authenticator.ask,
    flush,
    async invalidateOwner(owner) {
      requireInput(nameProblem(owner), 'owner')
      owners?.forget(owner)
      watches.ownerChanged(owner)
    },
    close,
    ...asyncDisposal(close),
  })

  async function close(): Promise<void> {
    const stopped = watching.then((stop) => stop?.())
    const all = Promise.allSettled([stopped, flush(), checked.written()])
    await withTimeout(deadlineMilliseconds, 'store_unavailable', 'Closing failed', () => all).catch(
      () => {},
    )
    watches.end()
    writes.end()
    checked.end()
  }
}
