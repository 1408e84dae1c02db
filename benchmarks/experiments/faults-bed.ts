import type { KeyStore } from 'twinkey'
import { type SpyStore, spyStore } from '../../test/support/spy-store.ts'
import type { Backend } from './backend.ts'
import { unlike } from './faults-history.ts'
import { type Client, openNode } from './faults-node.ts'
import { type Counts, DEADLINE_SECONDS, startTraffic, type Traffic } from './faults-traffic.ts'
import { type NotedChange, notingStore } from './history-account.ts'
import { startProxy, type WeatherProxy } from './proxy.ts'

/** Longer than the deadline of a node. */
export const LATE_MILLISECONDS = 2 * DEADLINE_SECONDS * 1000

const NODES = 2
// Recovery means no failure for longer than a node may cache a key.
const QUIET_MILLISECONDS = 1300
const GIVES_UP_MILLISECONDS = 12_000

/** Nodes under traffic, and the faults that can be injected. */
export interface Bed {
  readonly nodes: readonly BedNode[]
  readonly traffic: Traffic
  readonly backend: Backend
  /** The proxies between the nodes and their server. None for SQLite. */
  readonly proxy: WeatherProxy | undefined
  /** Registers a cleanup that runs when the bed is closed. */
  defer(work: () => Promise<void>): void
}

/** A node, as a fault at the port of its store sees it. */
export interface BedNode extends Pick<SpyStore, 'inner' | 'override'> {
  /** Reports to the node that its feed may have missed changes. */
  missed(): void
}

/** Injects a fault. The fault lasts until the returned function is called. */
export type Fault = (bed: Bed) => Promise<() => Promise<void>>

/** The effects of one fault. */
export interface Suffered {
  readonly times: number
  /**
   * How many calls failed as unavailable or took long. A fault without any effect proves nothing.
   */
  readonly felt: number
  /**
   * The worst time from the end of the fault to the last refusal of an active credential or the
   * last failed management call. Null if the failures did not end.
   */
  readonly recoverySeconds: number | null
  readonly counts: Counts
  /** Keys that the nodes have changed, and the entries of their histories. */
  readonly changedKeys: number
  readonly entries: number
  /** What is wrong with histories: a change without its entry, or an entry without its change. */
  readonly unlike: readonly string[]
}

/** Injects a fault repeatedly into two new nodes under traffic. */
export async function suffer(
  fault: Fault,
  {
    backend,
    client,
    times,
    lastsMilliseconds,
  }: { backend: Backend; client: Client; times: number; lastsMilliseconds: number },
): Promise<Suffered> {
  const closing: (() => Promise<void>)[] = []
  const defer = (work: () => Promise<void>) => void closing.unshift(work)
  try {
    const proxy = await proxyOf(backend)
    const opened = await Promise.all(
      Array.from({ length: NODES }, () => openNode(client, placeOf(backend, proxy))),
    )
    for (const { close } of opened) defer(close)
    // Before the nodes close: a client may wait for a silent server.
    defer(async () => proxy?.close())
    const noted: NotedChange[] = []
    const nodes = opened.map(({ store }) => bedNode(store, (change) => void noted.push(change)))
    const traffic = await startTraffic(nodes.map(({ store }) => store))
    defer(traffic.stop)

    let worst = 0
    for (let time = 0; time < times && worst < Number.POSITIVE_INFINITY; time++) {
      const end = await fault({
        nodes,
        traffic,
        backend,
        proxy,
        defer: (work) => void closing.push(work),
      })
      await pause(lastsMilliseconds)
      await end()
      worst = Math.max(worst, await recovered(traffic))
    }
    await traffic.stop()
    const history = await unlike(noted, opened[0]?.store as KeyStore)
    const { unavailable, failed, late } = traffic.counts
    const recoverySeconds = Number.isFinite(worst) ? Math.round(worst) / 1000 : null
    const felt = unavailable + failed + late
    return { times, felt, recoverySeconds, counts: traffic.counts, ...history }
  } finally {
    for (const close of closing) await close()
  }
}

function bedNode(
  own: KeyStore,
  note: (change: NotedChange) => void,
): BedNode & { readonly store: KeyStore } {
  const { store, inner, override } = spyStore(own)
  const listeners = new Set<(id: string | undefined) => void>()
  return {
    inner,
    override,
    missed() {
      for (const changed of listeners) changed(undefined)
    },
    store: {
      ...notingStore(store, note),
      async watch(changed) {
        listeners.add(changed)
        const stop = await inner.watch?.(changed)
        return async () => {
          listeners.delete(changed)
          await stop?.()
        }
      },
    },
  }
}

async function recovered(traffic: Traffic): Promise<number> {
  const endedAt = performance.now()
  for (;;) {
    await pause(50)
    const lastBadAt = Math.max(endedAt, traffic.lastBadAt())
    const now = performance.now()
    if (now - lastBadAt > QUIET_MILLISECONDS) return lastBadAt - endedAt
    if (now - endedAt > GIVES_UP_MILLISECONDS) return Number.POSITIVE_INFINITY
  }
}

async function proxyOf({ address }: Backend): Promise<WeatherProxy | undefined> {
  return address.kind === 'sqlite'
    ? undefined
    : startProxy(Number(new URL(address.url).port), LATE_MILLISECONDS)
}

function placeOf({ address }: Backend, proxy: WeatherProxy | undefined): string {
  if (address.kind === 'sqlite') return address.file
  const url = new URL(address.url)
  if (proxy !== undefined) url.port = String(proxy.port)
  return url.href
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
