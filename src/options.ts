import type { OwnerScope } from './core/cache/owner-scopes.ts'
import { type DeploymentPolicies, policiesOf } from './core/management/deployment-policies.ts'
import type { UniqueNames } from './core/management/reservations.ts'
import type { TwinkeyEvent } from './core/model/events.ts'
import type { Limiter } from './core/model/limiter.ts'
import {
  clockOf,
  environmentsOf,
  limiterOf,
  requireMembers,
  requireNumber,
} from './core/model/options-checks.ts'
import { importedSecretsOf, pepperOf, prefixesOf } from './core/model/secret-options.ts'
import type { Pepper } from './core/secrets/digest.ts'
import type { ImportedSecretFormat } from './core/secrets/imported-secrets.ts'
import type { KeyStore } from './core/store/store.ts'
import {
  type CheckedTokenOptions,
  checkTokenOptions,
  type TokenOptions,
} from './core/tokens/token-options.ts'
import { type ClientAddress, clientAddressOf } from './guard/callbacks.ts'
import { memoryStore } from './stores/memory.ts'

/** Options of {@link createTwinkey}, which checks all of them when it is called. */
export interface TwinkeyOptions {
  /** Where keys are stored. Default: {@link memoryStore}. */
  readonly store?: KeyStore | undefined
  /**
   * What secrets begin with. New secrets use the first prefix, and secrets with any of the prefixes
   * are accepted. Default: `['tk']`.
   */
  readonly prefixes?: readonly string[] | undefined
  /** The environments that this deployment serves. Default: any environment. */
  readonly environments?: readonly string[] | undefined
  /**
   * Stores HMAC-SHA-256 digests instead of plain SHA-256. Each HMAC key has at least 32 bytes and
   * is kept outside the database.
   */
  readonly pepper?: Pepper | undefined
  /** Issuer, audience, signing keys and lifetime of tokens. */
  readonly tokens?: TokenOptions | undefined
  /**
   * Further audiences for which tokens can be requested: absolute URIs without a fragment, each at
   * most 128 characters. A route accepts tokens for `tokens.audience`, or for its `resource` if it
   * has one. Default: none.
   *
   * @see RFC 8707
   */
  readonly resources?: readonly string[] | undefined
  /**
   * The formats of secrets from another system that {@link Keyring.import} accepts and requests can
   * use. Default: none.
   */
  readonly importedSecrets?: readonly ImportedSecretFormat[] | undefined
  /**
   * Returns what an owner may reach now. A key never reaches more than its owner. Not called for
   * keys without an owner.
   */
  readonly ownerScope?: OwnerScope | undefined
  /**
   * Makes a name that another key has the error `name_taken`: within an owner, or within each tenant
   * of a key. Names are compared without regard to case. A revoked key gives its name up. A key that
   * got its name without this option does not reserve it: another key can take the same name.
   * Default: names need not be unique.
   */
  readonly uniqueNames?: UniqueNames | undefined
  /** Rules for all keys. Default: none. */
  readonly policies?: DeploymentPolicies | undefined
  /**
   * Counts the requests of keys with limits: `memoryLimiter()` or `rateLimiter(…)` of
   * `twinkey/limits`. Without it, no key can have limits.
   */
  readonly limiter?: Limiter | undefined
  /**
   * Returns the address of the client, for keys that are limited to networks and for throttles.
   * Default: `req.ip` of Express and `request.ip` of Fastify, which respect their settings for
   * trusted proxies, and the remote address of the socket with Hono on Node. Other hosts have no
   * default. A key that is limited to networks is refused if the address is unknown.
   *
   * A header is safe only if a proxy sets it and replaces what the client sent.
   */
  readonly clientAddress?: ClientAddress | undefined
  /**
   * How many keys are cached, and for how long. Default: 100,000 keys for 5 seconds. With 0
   * seconds, every request reads the store.
   */
  readonly cache?:
    | { readonly maxKeys?: number | undefined; readonly maxAgeSeconds?: number | undefined }
    | undefined
  /**
   * How long one call of the store, `ownerScope` or a throttle may take. If the store or
   * `ownerScope` takes longer, the request is refused as `unavailable`. A throttle that takes
   * longer is ignored. Range: 0.001 to 60 seconds. Default: 2.
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
   * timers also affect an existing Twinkey.
   */
  readonly now?: (() => number) | undefined
}

/** The options after the checks, with all defaults filled in. */
export interface CheckedOptions {
  readonly store: KeyStore
  readonly prefixes: readonly string[]
  readonly environments: readonly string[] | undefined
  readonly pepper: Pepper | undefined
  readonly tokens: CheckedTokenOptions
  readonly importedSecrets: readonly ImportedSecretFormat[]
  readonly ownerScope: OwnerScope | undefined
  readonly uniqueNames: UniqueNames | undefined
  readonly policies: DeploymentPolicies
  readonly limiter: Limiter | undefined
  readonly clientAddress: ClientAddress | undefined
  readonly maxKeys: number
  readonly maxAgeMilliseconds: number
  readonly deadlineMilliseconds: number
  readonly onEvent: ((event: TwinkeyEvent) => unknown) | undefined
  readonly now: () => number
}

const MEMBERS = [
  'store',
  'prefixes',
  'environments',
  'pepper',
  'tokens',
  'resources',
  'importedSecrets',
  'ownerScope',
  'uniqueNames',
  'policies',
  'limiter',
  'clientAddress',
  'cache',
  'deadlineSeconds',
  'onEvent',
  'now',
]
const STORE_METHODS = [
  'get',
  'put',
  'delete',
  'list',
  'history',
  'forgetHistory',
  'recordUse',
] as const

/**
 * Checks and copies the options.
 *
 * @throws TypeError or RangeError for a wrong option. The message says what to do instead.
 */
export function checkOptions(given: TwinkeyOptions): CheckedOptions {
  const options = requireMembers(given, MEMBERS, 'The options of createTwinkey')
  const { store = memoryStore(), ownerScope, uniqueNames, onEvent, now } = options
  const { limiter, clientAddress } = options
  requireStore(store)
  if (uniqueNames !== undefined && uniqueNames !== 'owner' && uniqueNames !== 'tenant')
    throw new TypeError("uniqueNames must be 'owner' or 'tenant', or left out.")
  for (const [name, value] of Object.entries({
    ownerScope,
    onEvent,
    now,
    'store.watch': store.watch,
  })) {
    if (value !== undefined && typeof value !== 'function')
      throw new TypeError(`${name} must be a function.`)
  }
  const cache = requireMembers(
    options.cache === undefined ? {} : options.cache,
    ['maxKeys', 'maxAgeSeconds'],
    'cache',
  )
  const pepper = options.pepper === undefined ? undefined : pepperOf(options.pepper)
  return {
    store,
    prefixes: prefixesOf(options.prefixes === undefined ? ['tk'] : options.prefixes),
    environments:
      options.environments === undefined ? undefined : environmentsOf(options.environments),
    pepper,
    tokens: checkTokenOptions(options.tokens, options.resources),
    importedSecrets: importedSecretsOf(
      options.importedSecrets === undefined ? [] : options.importedSecrets,
      pepper,
    ),
    ownerScope,
    uniqueNames,
    policies: policiesOf(options.policies, limiter),
    limiter: limiter && limiterOf(limiter),
    clientAddress: clientAddressOf(clientAddress),
    maxKeys: requireNumber(
      cache.maxKeys,
      100_000,
      1,
      100_000_000,
      'cache.maxKeys',
      Number.isInteger,
    ),
    maxAgeMilliseconds:
      1000 * requireNumber(cache.maxAgeSeconds, 5, 0, 3600, 'cache.maxAgeSeconds', Number.isFinite),
    deadlineMilliseconds:
      1000 *
      requireNumber(options.deadlineSeconds, 2, 0.001, 60, 'deadlineSeconds', Number.isFinite),
    onEvent,
    now: clockOf(now === Date.now ? undefined : now, () => Date.now()),
  }
}

function requireStore(store: KeyStore): void {
  const isFunction = typeof store === 'function'
  if (isFunction || typeof (store as { then?: unknown } | null)?.then === 'function')
    throw new TypeError(
      `store is a ${isFunction ? 'function: call it' : 'Promise: await it'} first, and pass the store that it returns.`,
    )
  for (const method of STORE_METHODS) {
    if (typeof store?.[method] !== 'function')
      throw new TypeError(`store has no method ${method}. Pass a store, like memoryStore().`)
  }
}
