import { closedError } from './deadline.ts'
import { isClientError } from './error.ts'
import type { Grant } from './exchange.ts'
import { type CheckedOptions, isSecure, type SecretName } from './options.ts'
import { createSecretSlots } from './secret-slots.ts'
import type { TokenSource } from './token-source.ts'

/** The tokens of a client. All ways to send a request use it. */
export interface Credentials {
  /** Whether the token may be sent to a URL. Throws `client_closed` after `close`. */
  isAllowed(url: URL): boolean
  /**
   * Returns a valid token, at once if there is one. Renews it in the background late in its life.
   *
   * @param isOnlyChance Whether to wait for that renewal, because the request cannot be sent again.
   * @param signal Ends this wait. The exchange continues for other callers.
   */
  grant(isOnlyChance: boolean, signal?: AbortSignal | null): Grant | Promise<Grant>
  /**
   * Returns the token to send a request again with, after the API has refused one with 401. Undefined
   * if a new token will not help.
   */
  afterRefusal(refused: Grant, signal?: AbortSignal | null): Promise<Grant | undefined>
  /** Waits for an exchange in progress. Undefined if there is none. */
  flush(): Promise<void> | undefined
  close(): void
}

// A host may abandon an exchange when the request that caused it ends, so that it never settles. After
// twice the deadline, another one is started.
const PATIENCE = 2

const NAMES: readonly SecretName[] = ['primary', 'secondary']

/** Creates the credentials of one client. */
export function createCredentials(options: CheckedOptions): Credentials {
  const slots = createSecretSlots(options)
  const ended = new AbortController()
  let active = 0
  let acquiring: Promise<Grant> | undefined
  let startedAt = 0
  const patience = PATIENCE * options.deadlineMilliseconds
  const waits = new Map<AbortSignal, Promise<Grant>>()

  /** Gets a token other than a given one: from the active secret, or if that is refused from another. */
  async function acquire(than: string | undefined): Promise<Grant> {
    // No await if the secrets are loaded: a second caller must find this exchange in progress.
    if (!slots.areLoaded()) await slots.load()
    const refused = new Set<TokenSource>()
    for (let slot = slots.get(active) === undefined ? 0 : active; ; ) {
      const source = slots.get(slot)
      if (source === undefined) throw closedError()
      try {
        const grant = await source.other(than)
        activate(slot)
        return grant
      } catch (error) {
        if (!isClientError(error) || error.code !== 'credential_refused') throw error
        refused.add(source)
        if (refused.size === 1) await slots.reload()
        slot = nextOf(slot, refused)
        if (slot < 0) throw error
      }
    }
  }

  // The same slot comes first: its secret may have been replaced. A function that returns new secrets
  // again and again ends after three refusals.
  function nextOf(slot: number, refused: ReadonlySet<TokenSource>): number {
    const isUntried = (each: number) => {
      const source = slots.get(each)
      return source !== undefined && !refused.has(source)
    }
    return refused.size > 2 ? -1 : ([slot, 1 - slot].find(isUntried) ?? -1)
  }

  function activate(slot: number): void {
    if (slot === active) return
    const [from, to] = [NAMES[active], NAMES[slot]] as [SecretName, SecretName]
    active = slot
    try {
      // A promise that rejects must not end the process.
      Promise.resolve(options.onFailover?.({ from, to })).catch(() => {})
    } catch {
      // Reports only.
    }
  }

  function start(than: string | undefined): Promise<Grant> {
    startedAt = options.now()
    waits.clear()
    const mine = waitFor(acquire(than), ended.signal).finally(() => {
      if (acquiring === mine) acquiring = undefined
      waits.clear()
    })
    acquiring = mine
    return mine
  }

  const isUnderWay = () => acquiring !== undefined && options.now() - startedAt < patience

  /** One attempt for all callers of this client. A signal ends the wait of its callers only. */
  function acquireOnce(than?: string, signal?: AbortSignal | null): Promise<Grant> {
    const work = isUnderWay() && acquiring ? acquiring : start(than)
    if (!signal) return orAfter(patience, work, () => acquireOnce(than))
    // One wait for each signal: platforms warn of many listeners on one.
    const waiting =
      waits.get(signal) ??
      waitFor(
        orAfter(patience, work, () => acquireOnce(than)),
        signal,
      )
    waits.set(signal, waiting)
    return waiting
  }

  function renewInBackground(token: string): void {
    if (!isUnderWay()) start(token).catch(() => {})
  }

  return {
    isAllowed(url) {
      ended.signal.throwIfAborted()
      // A blob: URL has the origin of its page too.
      return isSecure(url) && options.origins.has(url.origin)
    },
    grant(isOnlyChance, signal) {
      ended.signal.throwIfAborted()
      const grant = slots.get(active)?.current()
      if (grant === undefined) return acquireOnce(undefined, signal)
      if (options.now() < grant.refreshAt) return grant
      if (!isOnlyChance) {
        renewInBackground(grant.token)
        return grant
      }
      return acquireOnce(grant.token, signal).catch((error) => {
        if (signal?.aborted) throw error
        return grant
      })
    },
    async afterRefusal({ token }, signal) {
      ended.signal.throwIfAborted()
      if (slots.get(active)?.mayReplace(token) === false) return undefined
      const next = await acquireOnce(token, signal)
      return next.token === token ? undefined : next
    },
    flush: () =>
      acquiring?.then(
        () => {},
        () => {},
      ),
    close() {
      ended.abort(closedError())
      slots.release()
    },
  }
}

/** Waits for shared work until a signal aborts. The work itself continues. */
function waitFor<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Waits for work, and does something else if it takes too long. */
function orAfter<T>(milliseconds: number, work: Promise<T>, other: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => other().then(resolve, reject), milliseconds)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
