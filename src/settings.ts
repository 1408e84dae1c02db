import type { ScopeValue } from './core/model/scope.ts'
import type { KeyStore } from './core/store/store.ts'
import type { SigningAlgorithm } from './core/tokens/signing-key.ts'
import type { CheckedOptions } from './options.ts'
import { isMemoryStore } from './stores/memory.ts'

/** One of `tokens.signingKeys`, without its numbers. */
export interface SigningKeySettings {
  /** The RFC 7638 thumbprint, which tokens name. */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  /** False for a key that only verifies. */
  readonly canSign: boolean
  /** From the member `iat` of the JWK, in epoch milliseconds. Undefined if it has none. */
  readonly createdAt: number | undefined
}

/** The options of a Twinkey that an operator checks. Contains no secret, pepper or private key. */
export interface Settings {
  readonly store: KeyStore
  /** Whether the store is a `memoryStore()`, which loses its keys when the process ends. */
  readonly isInMemory: boolean
  readonly prefixes: readonly string[]
  /** The environments that the deployment serves; `'*'` for any. */
  readonly environments: ScopeValue
  /** The names of the peppers; `current` is null if new secrets have none. Undefined without `pepper`. */
  readonly peppers: { readonly current: string | null; readonly all: readonly string[] } | undefined
  readonly issuer: string
  readonly audience: string
  readonly clockToleranceSeconds: number
  /** Empty for no keys, or for an ephemeral key. */
  readonly signingKeys: readonly SigningKeySettings[]
  /** Whether there is a `limiter`. */
  readonly hasLimiter: boolean
  /** Whether there is an `onEvent`. */
  readonly hasListener: boolean
}

/** Describes checked options. */
export function settingsOf(config: CheckedOptions): Settings {
  const { store, prefixes, environments = '*', pepper, tokens } = config
  return Object.freeze({
    store,
    isInMemory: isMemoryStore(store),
    prefixes: Object.freeze([...prefixes]),
    environments,
    peppers:
      pepper &&
      Object.freeze({ current: pepper.current, all: Object.freeze(Object.keys(pepper.keys)) }),
    issuer: tokens.issuer,
    audience: tokens.audience,
    clockToleranceSeconds: tokens.clockToleranceSeconds,
    signingKeys: Object.freeze(
      tokens.signingKeys.map(({ kid, algorithm, canSign, createdAt }) =>
        Object.freeze({ kid, algorithm, canSign, createdAt }),
      ),
    ),
    hasLimiter: config.limiter !== undefined,
    hasListener: config.onEvent !== undefined,
  })
}
