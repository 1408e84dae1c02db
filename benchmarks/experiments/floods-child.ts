import { performance } from 'node:perf_hooks'
import {
  createTwinkey,
  type KeyStore,
  memoryStore,
  type Requirement,
  type Throttle,
  type Twinkey,
  type WireRequest,
} from 'twinkey'
import { mintId, mintSecret } from '../../src/core/secrets/secret.ts'
import { decidedNow } from '../../test/support/sent.ts'
import type { FloodOrder, FloodWord } from './floods-order.ts'

// One flood in its own process with --expose-gc. The memory in use afterwards is what the flood
// left behind.

const collect = (globalThis as { gc?: () => void }).gc
if (collect === undefined || process.send === undefined)
  throw new Error('This runs as a child of the figure, with --expose-gc.')
process.once('message', (order: FloodOrder) => {
  flood(order).then((word) => process.send?.(word, () => process.exit(0)))
})

async function flood(order: FloodOrder): Promise<FloodWord> {
  // Warms up the process, so that compilation and first allocations do not count. This uses a
  // separate instance, whose cache the flood does not see.
  const warmUp = await createScene(order)
  for (let i = 0; i < 3; i++) await warmUp.wave(secretsOf(order, order.atOnce))
  const { twinkey, reads, codes, decide, wave, longest } = await createScene(order)
  const { secrets, store, count, atOnce, peers } = order
  const recent: string[] = []
  const before = await inUse()

  const first = secretsOf(order, atOnce)
  const idle = inUseNow()
  const begun = wave(first)
  for (let i = 0; i < 20; i++) await Promise.resolve()
  const bytesUnderWay = store === 'hangs' ? Math.round((inUseNow() - idle) / atOnce) : undefined
  await begun
  let most = 0
  let slowest = 0
  let slowestServed = 0
  for (let done = atOnce; done < count; done += atOnce) {
    const next = secretsOf(order, Math.min(atOnce, count - done))
    for (const [i, secret] of next.entries()) recent[(done + i) % RECENT] = secret
    longest.milliseconds = 0
    const starved = starvation()
    await wave(next)
    slowest = Math.max(slowest, longest.milliseconds)
    slowestServed = Math.max(slowestServed, longest.milliseconds - starved())
    // The active key is never delayed, even though others flood from its address.
    if (store === 'answers') await decide(twinkey.real, `peer ${done % peers}`)
    if (Math.floor(done / EVERY) !== Math.floor((done + atOnce) / EVERY))
      most = Math.max(most, (await inUse()) - before)
  }
  return {
    codes,
    storeReads: reads.total,
    readsUnderWay: reads.highest,
    longestMilliseconds: Math.round(slowest),
    longestServedMilliseconds: Math.round(slowestServed),
    heapGrowthBytes: Math.max(most, (await inUse()) - before),
    ...(bytesUnderWay === undefined ? {} : { bytesUnderWay }),
    remembered:
      secrets === 'bad checksum'
        ? 0
        : recent.filter((secret) => isRemembered(twinkey, secret)).length,
  }
}

// Counts the milliseconds in which this process was ready to run but had no processor, because
// other programs used the machine.
function starvation(): () => number {
  const loop = performance.eventLoopUtilization()
  const used = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(used)
    return Math.max(0, performance.eventLoopUtilization(loop).active - (user + system) / 1000)
  }
}

async function createScene({ store: behaviour, deadlineSeconds, peers, allowance }: FloodOrder) {
  const reads = { under: 0, total: 0, highest: 0 }
  const longest = { milliseconds: 0 }
  const codes: Record<string, number> = {}
  const inner = memoryStore()
  const { primary: real } = await createTwinkey({ store: inner }).keys.create({
    name: 'real',
    scope: { tenants: '*', workflows: '*' },
  })
  const twinkey = createTwinkey({
    store: countingStore(inner, behaviour, reads),
    deadlineSeconds,
    // The clock stands still, so no cache entry expires and only the size limit applies.
    now: () => 1_750_000_000_000,
  })
  const requirement: Requirement = {
    anyTarget: true,
    throttle: allowance === undefined ? undefined : countingThrottle(allowance),
  }

  async function decide(secret: string, peer: string): Promise<void> {
    const began = performance.now()
    const decision = await twinkey.authenticate(requestOf(secret, peer), requirement)
    longest.milliseconds = Math.max(longest.milliseconds, performance.now() - began)
    const code = decision.ok ? 'let in' : decision.refusal.code
    codes[code] = (codes[code] ?? 0) + 1
  }

  if (behaviour === 'answers') await decide(real, 'peer 0')
  reads.total = 0
  const wave = (secrets: readonly string[]) =>
    Promise.all(secrets.map((secret, i) => decide(secret, `peer ${i % peers}`)))
  return { twinkey: { ...twinkey, real }, reads, codes, longest, decide, wave }
}

const RECENT = 20_000
const EVERY = 100_000

function countingStore(
  inner: KeyStore,
  behaviour: FloodOrder['store'],
  reads: { under: number; total: number; highest: number },
): KeyStore {
  const { watch: _, ...store } = inner
  return {
    ...store,
    async get(id) {
      reads.total++
      reads.highest = Math.max(reads.highest, ++reads.under)
      if (behaviour === 'hangs') return new Promise(() => {})
      if (behaviour === 'is slow') await new Promise((resolve) => setTimeout(resolve, 50))
      reads.under--
      return inner.get(id)
    },
  }
}

// A minimal limiter: a number of refused credentials for each peer.
function countingThrottle(allowance: number): Throttle<WireRequest> {
  const failures = new Map<string, number>()
  return {
    retryAfterSeconds: (peer) => ((failures.get(peer) ?? 0) < allowance ? undefined : 60),
    failed: (peer) => failures.set(peer, (failures.get(peer) ?? 0) + 1),
  }
}

function secretsOf({ secrets }: FloodOrder, count: number): string[] {
  return Array.from({ length: count }, () => {
    const secret = mintSecret('tk', mintId())
    return secrets === 'unknown id'
      ? secret
      : secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0')
  })
}

// An immediate refusal means that the absence of the id is cached. Otherwise it needs the store.
function isRemembered(twinkey: Pick<Twinkey, 'decide'>, secret: string): boolean {
  return decidedNow(twinkey, requestOf(secret, ''), { anyTarget: true }) !== undefined
}

function requestOf(secret: string, peer: string): WireRequest {
  return {
    method: 'GET',
    url: '/',
    peer,
    header: (name) => (name === 'x-api-key' ? secret : undefined),
    param: () => undefined,
  }
}

async function inUse(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    inUseNow()
  }
  return inUseNow()
}

function inUseNow(): number {
  collect?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
