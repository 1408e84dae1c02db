import { setMaxListeners } from 'node:events'
import { setTimeout as timer } from 'node:timers/promises'
import type { HistoryEntry, Keys } from 'twinkey'
import { eventOf, headersOf } from './message.ts'
import { addEntries, endRound, type Pending, readState, type State, writeState } from './state.ts'

/** What a sender sends, and where to. */
export interface SenderOptions {
  readonly keys: Pick<Keys, 'history'>
  /** The URL of the receiver. */
  readonly url: string
  /** The secret that the receiver verifies with: `whsec_` and base64. */
  readonly secret: string
  /** The file of the state. One sender at a time uses it. */
  readonly file: string
  /** Identifies this deployment in the events. */
  readonly source: string
  readonly pollMilliseconds: number
  /** The wait after the first failure. It doubles with each further one. */
  readonly retryMilliseconds: number
  /** The longest wait, such as an hour. */
  readonly maxRetryMilliseconds: number
}

const CONCURRENCY = 16
const ATTEMPT_MILLISECONDS = 15_000
const STORE_EVERY_MILLISECONDS = 200

/**
 * Sends every change of the history at least once, the changes of each key in order, until it is
 * stopped. A key whose change cannot be delivered waits alone. Resolves when it has stopped.
 */
export async function send(options: SenderOptions, stop: AbortSignal): Promise<void> {
  // Every attempt and every wait listens to it.
  setMaxListeners(0, stop)
  const state = readState(options.file)
  const store = () => writeState(options.file, state)
  const storing = setInterval(store, STORE_EVERY_MILLISECONDS)
  const delivery = createDelivery(options, state, stop)
  try {
    delivery.start()
    await read(options, state, delivery.start, stop)
    await delivery.end()
  } finally {
    clearInterval(storing)
    store()
  }
}

async function read(
  { keys, pollMilliseconds, retryMilliseconds }: SenderOptions,
  state: State,
  startDelivery: () => void,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    const step = await keys.history({ after: state.cursor, limit: 100 }).catch((error: unknown) => {
      console.error('The history cannot be read', error)
    })
    if (step === undefined) {
      await pause(retryMilliseconds, stop)
      continue
    }
    // In one turn, so that no state is stored with one and without the other.
    addEntries(state, step.entries)
    state.cursor = step.nextCursor
    if (step.hasMore) continue
    endRound(state)
    startDelivery()
    await pause(pollMilliseconds, stop)
  }
}

/** Delivers the pending entries: many keys at the same time, and one entry of each. */
function createDelivery(options: SenderOptions, state: State, stop: AbortSignal) {
  const running = new Map<string, Promise<void>>()
  const inSlot = createSlots(CONCURRENCY)

  const isReady = ([next]: readonly Pending[]) =>
    next !== undefined && next.afterRound <= state.rounds && !stop.aborted

  async function deliver(keyId: string, pending: Pending[]): Promise<void> {
    let wait = options.retryMilliseconds
    while (isReady(pending)) {
      const [next] = pending as [Pending]
      if (await inSlot(() => post(options, next.entry, stop))) {
        pending.splice(pending.indexOf(next), 1)
        wait = options.retryMilliseconds
        continue
      }
      // At random, so that a receiver that is back does not get everything at once.
      await pause(wait * (0.5 + Math.random() / 2), stop)
      wait = Math.min(2 * wait, options.maxRetryMilliseconds)
    }
    if (pending.length === 0) state.pending.delete(keyId)
    running.delete(keyId)
  }

  return {
    /** Starts with the keys whose first entry may be sent. */
    start() {
      for (const [keyId, pending] of state.pending)
        if (!running.has(keyId) && isReady(pending)) running.set(keyId, deliver(keyId, pending))
    },
    async end() {
      await Promise.all(running.values())
    },
  }
}

/** Runs so many tasks at a time, and the others when it is their turn. */
function createSlots(free: number) {
  const waiting: (() => void)[] = []
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else await new Promise<void>((begin) => waiting.push(begin))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

async function post(
  { url, secret, source }: SenderOptions,
  entry: HistoryEntry,
  stop: AbortSignal,
): Promise<boolean> {
  const body = eventOf(entry, source)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: headersOf(entry.id, body, secret, Date.now()),
      body,
      redirect: 'manual',
      signal: AbortSignal.any([stop, AbortSignal.timeout(ATTEMPT_MILLISECONDS)]),
    })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}

async function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  // Rejects when the sender is stopped.
  await timer(milliseconds, undefined, { signal: stop }).catch(() => {})
}
