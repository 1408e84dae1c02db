import { createTwinkey, type HistoryEntry, type KeyStore, type Scope, type Twinkey } from 'twinkey'
import { shortSigningKey } from '../support/signing-key.ts'
import { SERVED } from './keyring-model-scope.ts'
import { MAX_AGE_SECONDS } from './keyring-model-state.ts'

/** Several nodes of one deployment over one backend. */
export interface Nodes {
  readonly twinkeys: readonly Twinkey[]
  /** The events of changes that the nodes have emitted so far. */
  readonly events: readonly HistoryEntry[]
  /** Whether a node receives the changes of other nodes. */
  hears(node: number): boolean
  /** Waits until every node with a feed has received every write so far. */
  heardAll(): Promise<void>
  /** Makes the feed of a node report that it may have missed changes of one record, or of any. */
  forget(node: number, id: string | undefined): void
  /**
   * Makes calls that really interleave: each store call takes as many turns as the next number
   * says.
   */
  race<T>(pauses: readonly number[], calls: readonly (() => Promise<T>)[]): Promise<T[]>
  close(): Promise<void>
}

export const NODES = 3
// It has no feed, like a store that cannot report changes, or one that is cut off.
const DEAF = 2

const signingKey = shortSigningKey()

/**
 * @param stores One instance of the store for each node, and one more.
 * @param feedMilliseconds How long a feed may take.
 */
export async function createNodes(
  stores: readonly KeyStore[],
  run: string,
  now: () => number,
  ownerScope: (owner: string) => Scope | undefined,
  feedMilliseconds: number,
): Promise<Nodes> {
  let pauses: number[] = []
  const pause = async () => {
    for (let turns = pauses.shift() ?? 0; turns > 0; turns--) await undefined
  }
  const feeds = stores
    .slice(0, NODES)
    .map((store, node) => createFeed(node === DEAF ? undefined : store.watch?.bind(store)))
  const events: HistoryEntry[] = []
  const twinkeys = feeds.map(({ watch }, node) =>
    createTwinkey({
      store: { ...paced(stores[node] as KeyStore, pause), watch },
      tokens: {
        issuer: 'https://api.example',
        audience: 'https://api.example',
        signingKeys: [signingKey],
      },
      environments: SERVED,
      ownerScope: async (owner) => ownerScope(owner),
      // One node evicts most of what it reads, which must make no difference.
      cache: { maxAgeSeconds: MAX_AGE_SECONDS, maxKeys: node === 1 ? 2 : 1000 },
      deadlineSeconds: 30,
      onEvent: (event) => {
        if (event.type.startsWith('key.')) events.push(event as HistoryEntry)
      },
      now,
    }),
  )
  await Promise.all(feeds.map(({ ready }) => ready))
  const hearing = feeds.filter(({ tells }) => tells)
  const messenger = stores[NODES] as KeyStore
  let messages = 0

  return {
    twinkeys,
    events,
    hears: (node) => feeds[node]?.tells === true,
    // A feed delivers in order, so a later write arrives after all earlier ones.
    async heardAll() {
      if (hearing.length === 0) return
      const id = `${run}-told-${messages++}`
      const heard = Promise.all(hearing.map((feed) => feed.hear(id, feedMilliseconds)))
      await Promise.all([
        messenger.put({ kind: 'alias', id, version: 1, keyId: id }, undefined, undefined),
        heard,
      ])
      await messenger.delete(id, 1, undefined)
    },
    forget: (node, id) => feeds[node]?.tell(id),
    async race(turns, calls) {
      pauses = [...turns]
      const settled = await Promise.allSettled(calls.map((call) => call()))
      pauses = []
      return settled.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason
        return outcome.value
      })
    },
    async close() {
      await Promise.all(twinkeys.map((twinkey) => twinkey.close()))
    },
  }
}

type Watch = NonNullable<KeyStore['watch']>

function createFeed(inner: Watch | undefined) {
  let changed: (id: string | undefined) => void = () => {}
  let begin: (stop: Promise<unknown>) => void = () => {}
  const ready = new Promise<unknown>((resolve) => {
    begin = resolve
  })
  const waiting = new Map<string, () => void>()
  const tell = (id: string | undefined) => {
    changed(id)
    // This record may be one of the missed changes.
    for (const [awaited, heard] of waiting) if (id === undefined || id === awaited) heard()
  }
  const watch: Watch = async (listener) => {
    changed = listener
    const stop = Promise.resolve(inner?.(tell))
    begin(stop)
    return (await stop) ?? (async () => {})
  }
  return {
    watch,
    ready,
    tell,
    tells: inner !== undefined,
    hear(id: string, milliseconds: number): Promise<void> {
      return new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`a feed told nothing of a change within ${milliseconds} ms`)),
          milliseconds,
        )
        waiting.set(id, () => {
          clearTimeout(late)
          waiting.delete(id)
          resolve()
        })
      })
    },
  }
}

function paced(inner: KeyStore, pause: () => Promise<void>): KeyStore {
  const slow = async <T>(call: () => Promise<T>): Promise<T> => {
    await pause()
    const answer = await call()
    await pause()
    return answer
  }
  return {
    get: (id) => slow(() => inner.get(id)),
    put: (next, expectedVersion, entry) => slow(() => inner.put(next, expectedVersion, entry)),
    delete: (id, expectedVersion, entry) => slow(() => inner.delete(id, expectedVersion, entry)),
    list: (query) => slow(() => inner.list(query)),
    history: (query) => slow(() => inner.history(query)),
    forgetHistory: (before) => slow(() => inner.forgetHistory(before)),
    recordUse: (uses) => slow(() => inner.recordUse(uses)),
  }
}
