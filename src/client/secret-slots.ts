import { withDeadline } from './deadline.ts'
import { ClientError, isClientError, platformCodeOf } from './error.ts'
import { type CheckedOptions, checkedSecrets } from './options.ts'
import { type SharedSource, shareSource } from './shared-sources.ts'
import type { TokenSource } from './token-source.ts'

/** The sources of the primary and, if there is one, of the secondary secret. */
export interface SecretSlots {
  /** Undefined until the secrets are loaded. */
  get(slot: number): TokenSource | undefined
  areLoaded(): boolean
  /** Loads the secrets from the function. Rejects with `secrets_unavailable`. */
  load(): Promise<void>
  /**
   * Loads the secrets again, if they come from a function that was not called in the last two seconds.
   * If it fails, the secrets stay as they are.
   */
  reload(): Promise<void>
  release(): void
}

const PAUSE_MILLISECONDS = 2000

/** Creates the slots. Secrets that are given as a list are usable at once. */
export function createSecretSlots(options: CheckedOptions): SecretSlots {
  const { secrets, now } = options
  let shared: readonly SharedSource[] = []
  let calledAt = Number.NEGATIVE_INFINITY
  let failure: ClientError | undefined
  const ended = new AbortController()

  function use(list: readonly string[]): void {
    const last = shared
    shared = ended.signal.aborted ? [] : list.map((secret) => shareSource(secret, options))
    // Released last: a secret that stays keeps its tokens.
    for (const { release } of last) release()
  }

  async function call(load: () => unknown): Promise<void> {
    if (now() - calledAt < PAUSE_MILLISECONDS) {
      if (failure !== undefined) throw failure
      return
    }
    calledAt = now()
    try {
      use(
        checkedSecrets(await withDeadline(options.deadlineMilliseconds, ended.signal, late, load)),
      )
      failure = undefined
    } catch (thrown) {
      failure = isClientError(thrown) ? thrown : unavailable(thrown)
      throw failure
    }
  }

  if (typeof secrets !== 'function') use(secrets)
  return {
    get: (slot) => shared[slot]?.source,
    areLoaded: () => shared.length > 0,
    async load() {
      if (typeof secrets === 'function') await call(secrets)
    },
    async reload() {
      if (typeof secrets === 'function') await call(secrets).catch(() => {})
    },
    release() {
      ended.abort()
      use([])
    },
  }
}

// The new error has only the code of the original one, whose message may quote the file.
function unavailable(thrown: unknown): ClientError {
  const code = platformCodeOf(thrown)
  return new ClientError(
    'secrets_unavailable',
    `The function secrets failed, or did not return one or two secrets${code === undefined ? '' : ` (${code})`}.`,
  )
}

function late(): ClientError {
  return new ClientError('secrets_unavailable', 'The function secrets did not return in time.')
}
