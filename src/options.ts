import type { JWK } from 'jose'
import type { OwnerScope } from './core/cache/owner-scopes.ts'
import { isPlainObject, MAX_SECRET_LENGTH } from './core/model/checks.ts'
import { copyJson, copyList, copyMembers } from './core/model/copy.ts'
import type { TwinkeyEvent } from './core/model/events.ts'
import {
  clockOf,
  environmentsOf,
  requireMembers,
  requireName,
  requireNumber,
} from './core/model/options-checks.ts'
import { digestUnder, type Pepper } from './core/secrets/digest.ts'
import { ALGORITHM_PROBLEM, type ImportedSecretFormat } from './core/secrets/imported-secrets.ts'
import { prefixProblem } from './core/secrets/secret.ts'
import type { KeyStore } from './core/store/store.ts'
import { MAX_JWK_DEPTH, readSigningKey, type SigningKey } from './core/tokens/signing-key.ts'
import { MAX_CLOCK_TOLERANCE_SECONDS, MAX_LIFETIME_SECONDS } from './core/tokens/token.ts'
import { memoryStore } from './stores/memory.ts'

/** How tokens are issued and verified. */
export interface TokenOptions {
  /**
   * The `iss` of every token, usually the URL of this API: `twinkey` if left out. `undefined` is
   * refused: it may be a variable that is not set.
   */
  readonly issuer?: string
  /**
   * The `aud` of every token, usually the URL of this API too: `twinkey` if left out. `undefined`
   * is refused here too.
   */
  readonly audience?: string
  /**
   * Private JWKs of {@link generateSigningKey}; retired ones may be public. The first signs, all
   * verify. To change it without a failed call: add the new one as not-first everywhere, promote
   * it, and remove the old one after an hour and the skew. Without any, a key that dies with the
   * process serves `memoryStore()` only.
   */
  readonly signingKeys?: readonly JWK[] | undefined
  /**
   * How far the clock of another node may be ahead, for `iat` and `nbf` only: 0 to 60 seconds, 30
   * unless given.
   */
  readonly clockToleranceSeconds?: number | undefined
  /**
   * How long a token lives that is issued here, whatever its caller asks for: 1 to 3600 seconds,
   * 3600 unless given. Who asks for more gets this, and is told so. Tokens that were issued before
   * live on. It is what bounds how long a service that has only the JWKS takes the tokens of a key
   * that was revoked. With the profile of Flare leave it above 2700, for that is how long its
   * clients keep a token.
   */
  readonly maxLifetimeSeconds?: number | undefined
}

/** What {@link createTwinkey} is made with. Everything is checked when it is called. */
export interface TwinkeyOptions {
  /** Where keys are kept: {@link memoryStore} unless given. */
  readonly store?: KeyStore | undefined
  /**
   * What secrets begin with: the first for new ones, all for those that are accepted. `['tk']`
   * unless given.
   */
  readonly prefixes?: readonly string[] | undefined
  /** The environments that this deployment serves. Left out, any environment may be named. */
  readonly environments?: readonly string[] | undefined
  /**
   * HMAC instead of plain SHA-256, with keys of at least 32 bytes that are kept outside the
   * database.
   */
  readonly pepper?: Pepper | undefined
  /** Who issues tokens, for whom, and with which keys. */
  readonly tokens?: TokenOptions | undefined
  /**
   * Turns on the lookup of secrets that another system issued and {@link Keyring.import} took over.
   */
  readonly importedSecrets?: readonly ImportedSecretFormat[] | undefined
  /**
   * What an owner may reach now. A key never reaches more than its owner; one without an owner has
   * no such owner scope.
   */
  readonly ownerScope?: OwnerScope | undefined
  /**
   * How many keys are remembered, and for how long: 100,000 and 5 seconds unless given. 0 seconds
   * asks the store for each request.
   */
  readonly cache?:
    | { readonly maxKeys?: number | undefined; readonly maxAgeSeconds?: number | undefined }
    | undefined
  /**
   * How long the store, or `ownerScope`, may take: 2 seconds unless given, 60 at most. After that a
   * request is refused as `unavailable`.
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
   * timers reach a Twinkey that exists already.
   */
  readonly now?: (() => number) | undefined
}

/** The options as they were checked. */
export interface CheckedOptions {
  readonly store: KeyStore
  readonly prefixes: readonly string[]
  readonly environments: readonly string[] | undefined
  readonly pepper: Pepper | undefined
  readonly tokens: {
    issuer: string
    audience: string
    clockToleranceSeconds: number
    maxLifetimeSeconds: number
    signingKeys: readonly SigningKey[]
  }
  readonly importedSecrets: readonly ImportedSecretFormat[]
  readonly ownerScope: OwnerScope | undefined
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
  'importedSecrets',
  'ownerScope',
  'cache',
  'deadlineSeconds',
  'onEvent',
  'now',
]
const STORE_METHODS = ['get', 'put', 'delete', 'list', 'recordUse'] as const
const PEPPER_NAME = /^[A-Za-z0-9_-]{1,32}$/
const MIN_PEPPER_BYTES = 32
const MIN_FOREIGN_LENGTH = 16
const DEFAULT_NAME = 'twinkey'

/** @throws TypeError or RangeError with what to do instead. */
export function checkOptions(given: TwinkeyOptions): CheckedOptions {
  const options = requireMembers(given, MEMBERS, 'The options of createTwinkey')
  const { store = memoryStore(), ownerScope, onEvent, now } = options
  const isFunction = typeof store === 'function'
  if (isFunction || typeof (store as { then?: unknown } | null)?.then === 'function')
    throw new TypeError(
      `store is a ${isFunction ? 'function: call it' : 'Promise: await it'} first, and pass the store that it answers.`,
    )
  for (const method of STORE_METHODS) {
    if (typeof store?.[method] !== 'function')
      throw new TypeError(`store has no method ${method}. Pass a store, like memoryStore().`)
  }
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
  const pepper = options.pepper === undefined ? undefined : checkedPepper(options.pepper)
  return {
    store,
    prefixes: prefixesOf(options.prefixes === undefined ? ['tk'] : options.prefixes),
    environments:
      options.environments === undefined ? undefined : environmentsOf(options.environments),
    pepper,
    tokens: tokensOf(options.tokens),
    importedSecrets: importedSecretsOf(
      options.importedSecrets === undefined ? [] : options.importedSecrets,
      pepper,
    ),
    ownerScope,
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
    // Records and tokens hold whole milliseconds.
    now: clockOf(now === Date.now ? undefined : now, () => Date.now()),
  }
}

function prefixesOf(given: unknown): readonly string[] {
  const prefixes = copyList(given)
  if (!Array.isArray(prefixes) || prefixes.length === 0)
    throw new TypeError('prefixes must be a list with at least one prefix, like ["acme"].')
  for (const prefix of prefixes) {
    if (prefixProblem(prefix) !== undefined)
      throw new RangeError(`prefixes: each ${prefixProblem(prefix)}.`)
  }
  return [...new Set<string>(prefixes)]
}

function checkedPepper(given: Pepper): Pepper {
  const { current, keys: named } = requireMembers(given, ['current', 'keys'], 'pepper')
  const keys = copyMembers(named)
  if (
    !isPlainObject(keys) ||
    (current !== null && !(typeof current === 'string' && Object.hasOwn(keys, current)))
  ) {
    throw new TypeError(
      'pepper must be { current, keys } where keys has the one that current names, like { current: "2026a", keys: { "2026a": bytes } }.',
    )
  }
  // Copied, because the application may change the bytes later.
  const copied: [string, Uint8Array][] = []
  for (const [key, bytes] of Object.entries(keys)) {
    if (!PEPPER_NAME.test(key))
      throw new RangeError('pepper.keys: a name must have 1 to 32 letters, digits, "_" and "-".')
    if (!(bytes instanceof Uint8Array)) {
      throw new TypeError(
        `pepper.keys.${key} must be bytes, a Uint8Array. A string is not guessed at: decode it, as with Buffer.from(text, "base64").`,
      )
    }
    const own = new Uint8Array(bytes)
    if (own.length < MIN_PEPPER_BYTES)
      throw new RangeError(
        `pepper.keys.${key} must have at least ${MIN_PEPPER_BYTES} bytes, random ones.`,
      )
    copied.push([key, own])
  }
  return { current, keys: Object.fromEntries(copied) }
}

function importedSecretsOf(
  given: readonly ImportedSecretFormat[],
  pepper: Pepper | undefined,
): readonly ImportedSecretFormat[] {
  const importedSecrets = copyList(given)
  if (!Array.isArray(importedSecrets))
    throw new TypeError(
      "importedSecrets must be a list, like [{ algorithm: 'sha-256', minLength: 40, maxLength: 64 }].",
    )
  const kinds = importedSecrets.map((each: ImportedSecretFormat, index) => {
    const where = `importedSecrets[${index}]`
    const kind = requireMembers(each, ['algorithm', 'pepper', 'minLength', 'maxLength'], where)
    const { algorithm, minLength, maxLength } = kind
    if (algorithm !== 'sha-256' && algorithm !== 'hmac-sha-256')
      throw new TypeError(`${where}.algorithm ${ALGORITHM_PROBLEM}.`)
    const isNamed =
      typeof kind.pepper === 'string' &&
      pepper !== undefined &&
      Object.hasOwn(pepper.keys, kind.pepper)
    if (algorithm === 'hmac-sha-256' ? !isNamed : kind.pepper !== undefined) {
      throw new TypeError(
        `${where}.pepper must name one of pepper.keys with 'hmac-sha-256', and be left out with 'sha-256'.`,
      )
    }
    requireNumber(
      minLength,
      undefined,
      MIN_FOREIGN_LENGTH,
      MAX_SECRET_LENGTH,
      `${where}.minLength`,
      Number.isInteger,
    )
    requireNumber(
      maxLength,
      undefined,
      minLength,
      MAX_SECRET_LENGTH,
      `${where}.maxLength`,
      Number.isInteger,
    )
    return Object.freeze(kind)
  })
  requireOneName(kinds, pepper)
  return kinds
}

// Compares what the keys make of a text, because HMAC treats a key and the same key padded with
// zeros alike.
function requireOneName(kinds: readonly ImportedSecretFormat[], pepper: Pepper | undefined): void {
  const made = kinds.map((kind) => digestUnder(kind.pepper, '', pepper)?.split(':').at(-1))
  made.forEach((digest, index) => {
    const first = made.indexOf(digest)
    if (kinds[first]?.pepper === kinds[index]?.pepper) return
    throw new TypeError(
      `importedSecrets[${index}].pepper is the same key as importedSecrets[${first}].pepper under another name. Use one name for both.`,
    )
  })
}

function tokensOf(given: TokenOptions = {}): CheckedOptions['tokens'] {
  const tokens = requireMembers(
    given,
    ['issuer', 'audience', 'signingKeys', 'clockToleranceSeconds', 'maxLifetimeSeconds'],
    'tokens',
  )
  // A member that is undefined is an environment variable that is not set, and no wish for the
  // default.
  const { issuer, audience } = { issuer: DEFAULT_NAME, audience: DEFAULT_NAME, ...tokens }
  const signingKeys = copyJson(
    tokens.signingKeys === undefined ? [] : tokens.signingKeys,
    MAX_JWK_DEPTH + 1,
  ) as readonly JWK[]
  requireName(issuer, 'tokens.issuer')
  requireName(audience, 'tokens.audience')
  if (
    !Array.isArray(signingKeys) ||
    (tokens.signingKeys !== undefined && signingKeys.length === 0)
  ) {
    throw new TypeError(
      'tokens.signingKeys must be a list of JWKs with at least one. Make one with generateSigningKey().',
    )
  }
  const keys = signingKeys.map((jwk, index) => readSigningKey(jwk, `tokens.signingKeys[${index}]`))
  if (signingKeys[0] !== undefined && signingKeys[0].d === undefined) {
    throw new TypeError('tokens.signingKeys[0] must be a private JWK: the first one signs.')
  }
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length)
    throw new TypeError('tokens.signingKeys has the same key twice.')
  return {
    issuer,
    audience,
    clockToleranceSeconds: requireNumber(
      tokens.clockToleranceSeconds,
      30,
      0,
      MAX_CLOCK_TOLERANCE_SECONDS,
      'tokens.clockToleranceSeconds',
      Number.isFinite,
    ),
    maxLifetimeSeconds: requireNumber(
      tokens.maxLifetimeSeconds,
      MAX_LIFETIME_SECONDS,
      1,
      MAX_LIFETIME_SECONDS,
      'tokens.maxLifetimeSeconds',
      Number.isInteger,
    ),
    signingKeys: keys,
  }
}
