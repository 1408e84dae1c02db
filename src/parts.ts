import { createKeyCache, type KeyCache } from './core/decision/key-cache.ts'
import { createTokenVerifier } from './core/decision/token-verifier.ts'
import { createUsage } from './core/decision/usage.ts'
import { createEventDispatcher, type WarningEvent } from './core/model/events.ts'
import type { StoreMessage, Trace } from './core/model/trace.ts'
import { checkedStore } from './core/store/checked-store.ts'
import { createInspection } from './core/store/inspection.ts'
import { redactError } from './core/store/store-error.ts'
import {
  configuredSigningKeys,
  ephemeralSigningKeys,
  noSigningKeys,
  type SigningKeys,
} from './core/tokens/signing-key.ts'
import type { CheckedOptions } from './options.ts'
import { isMemoryStore } from './stores/memory.ts'
import { eventFailures } from './telemetry/event-failures.ts'

// The parts that createTwinkey makes from its options and connects.

// A cached token takes about 1 KB.
const MAX_TOKENS = 20_000

/** Emits events and warnings to the listener of the application. */
export function createEvents({ onEvent, now }: CheckedOptions) {
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

/** Emits events and warnings. */
export type Events = ReturnType<typeof createEvents>

/** The store behind its checks, the cache of keys, and the writing of last uses. */
export function createStorage(
  config: CheckedOptions,
  { emit, warn }: Events,
  trace: Trace<StoreMessage>,
) {
  const { store, deadlineMilliseconds } = config
  const inspection =
    store.inspect &&
    emit &&
    createInspection(
      () => checked.inspect(),
      (message) => warn('warning.store_unsafe', message),
    )
  const checked = checkedStore(store, deadlineMilliseconds, inspection?.answered, trace)
  const usage = createUsage(checked, (error) =>
    warn('warning.store_unavailable', 'A last use was not written.', error),
  )
  return { checked, cache: createKeyCache(checked, config), usage, inspection }
}

/**
 * Starts the change feed of the store. Resolves to the function that stops it, if there is a feed.
 */
export function watchStore({ store }: CheckedOptions, cache: KeyCache, { warn }: Events) {
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

/** The keys that sign tokens. */
export function signingKeysOf({ store, tokens }: CheckedOptions, { warn }: Events): SigningKeys {
  if (tokens.signingKeys.length > 0) return configuredSigningKeys(tokens.signingKeys)
  if (!isMemoryStore(store)) return noSigningKeys()
  return ephemeralSigningKeys(() => {
    const message =
      'Tokens are signed with an ephemeral key that is lost when this process ends. Make a key with generateSigningKey() and keep it in tokens.signingKeys.'
    warn('warning.ephemeral_signing_key', message)
  })
}

/** Verifies tokens with those keys. */
export function tokenVerifierOf(
  { tokens, maxKeys, now }: CheckedOptions,
  signingKeys: SigningKeys,
) {
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
