import { fastify } from 'fastify'
import { createTwinkey, type KeyStore, memoryStore, type Twinkey } from 'twinkey'
import { requireAuth } from 'twinkey/fastify'
import { createTestClock } from 'twinkey/testing'
import { createGate } from '../../test/support/gate.ts'
import { sendRaw } from '../../test/support/raw-http.ts'
import { anyTarget, codeOf, sent } from '../../test/support/sent.ts'
import type { Figure, Progress } from './figure.ts'

/** The store of the key that all requests use. */
export interface HerdStore {
  readonly kind: string
  open(): Promise<{ store: KeyStore; close(): Promise<void> }>
}

const STORES: readonly HerdStore[] = [
  { kind: 'memory', open: async () => ({ store: memoryStore(), close: async () => {} }) },
]
const MAX_AGE_SECONDS = 5

/** Sends concurrent requests for one uncached key, in the process and over sockets. */
export const figure: Figure = {
  name: 'herd',
  title:
    'store reads for 10,000 requests at once with one key that is not in the cache, has aged, or does not exist',
  async run({ quick, progress }) {
    const rows = []
    for (const herdStore of STORES)
      rows.push(
        ...(await herdOn(herdStore, { calls: 10_000, sockets: quick ? 200 : 1000, progress })),
      )
    return { ok: rows.every(({ ok }) => ok), rows }
  },
}

/** The results of one herd. */
interface Herd {
  readonly ok: boolean
  readonly store: string
  readonly by: 'authenticate' | 'http'
  /** What the cache holds before: nothing, an expired record, or nothing for an unknown key. */
  readonly key: 'cold' | 'aged' | 'unknown'
  readonly requests: number
  /** How many requests were waiting when the store answered. */
  readonly atOnce: number
  readonly letIn: number
  readonly refused: number
  readonly storeReads: number
}

/** Sends the herds to one store. */
export async function herdOn(
  { kind, open }: HerdStore,
  {
    calls,
    sockets,
    progress,
  }: { readonly calls: number; readonly sockets: number; readonly progress: Progress },
): Promise<Herd[]> {
  const { store, close } = await open()
  const herds: Herd[] = []
  try {
    for (const [by, requests, drive] of [
      ['authenticate', calls, drivenDirectly],
      ['http', sockets, drivenBySockets],
    ] as const) {
      const slow = heldStore(store)
      const clock = createTestClock()
      // No feed: it would cause further reads. The node must not see the deletion of the key.
      const twinkey = createTwinkey({
        store: slow.store,
        now: clock.now,
        cache: { maxAgeSeconds: MAX_AGE_SECONDS },
        deadlineSeconds: 60,
      })
      const admin = createTwinkey({ store })
      const there = await admin.keys.create({
        name: 'herd',
        scope: { tenants: '*', workflows: '*' },
      })
      const gone = await admin.keys.create({
        name: 'herd',
        scope: { tenants: '*', workflows: '*' },
      })
      await admin.keys.delete(gone.key.id)
      const driver = await drive(twinkey)
      for (const [key, secret] of [
        ['cold', there.primary],
        ['aged', there.primary],
        ['unknown', gone.primary],
      ] as const) {
        progress(`${kind}: ${requests} requests at once by ${by}, key ${key}`)
        if (key === 'aged') clock.advance(MAX_AGE_SECONDS * 1000)
        const outcome = await stampede(slow, driver, requests, secret)
        const right = key === 'unknown' ? outcome.refused : outcome.letIn
        const ok = right === requests && outcome.atOnce === requests && outcome.storeReads === 1
        herds.push({ ok, store: kind, by, key, requests, ...outcome })
      }
      await driver.close()
      await twinkey.close()
      await admin.keys.delete(there.key.id)
      await admin.close()
    }
  } finally {
    await close()
  }
  return herds
}

interface Driver {
  /** Sends a request, reports its arrival, and returns whether the expected outcome occurred. */
  send(secret: string, arrived: () => void): Promise<'let in' | 'refused' | 'neither'>
  close(): Promise<void>
}

async function stampede(slow: HeldStore, driver: Driver, requests: number, secret: string) {
  const before = slow.reads()
  let waiting = 0
  let atOnce = 0
  const gate = createGate()
  slow.hold(gate.opened)
  const arrived = () => {
    atOnce = Math.max(atOnce, ++waiting)
    // The store answers once all requests have arrived. setImmediate gives the last one time to
    // reach the store.
    if (waiting === requests) setImmediate(gate.open)
  }
  const sending = Array.from({ length: requests }, async () => {
    const answer = await driver.send(secret, arrived)
    waiting--
    return answer
  })
  const answers = await Promise.all(sending)
  const count = (answer: string) => answers.filter((each) => each === answer).length
  return {
    atOnce,
    letIn: count('let in'),
    refused: count('refused'),
    storeReads: slow.reads() - before,
  }
}

async function drivenDirectly(twinkey: Twinkey): Promise<Driver> {
  return {
    async send(credential, arrived) {
      const deciding = twinkey.authenticate(sent({ credential }), anyTarget)
      arrived()
      return answerOf(codeOf(await deciding), 'let in', 'credential_invalid')
    },
    close: async () => {},
  }
}

async function drivenBySockets(twinkey: Twinkey): Promise<Driver> {
  const app = fastify()
  // All requests use the same key, so only their order identifies them.
  const waiting: (() => void)[] = []
  app.addHook('onRequest', async () => waiting.shift()?.())
  app.get('/', { onRequest: requireAuth(twinkey, anyTarget) }, async () => 'in')
  await app.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  const { port } = app.server.address() as { port: number }
  return {
    async send(secret, arrived) {
      waiting.push(arrived)
      const { status, body } = await sendRaw(port, {
        target: '/',
        headers: [['x-api-key', secret]],
      })
      return answerOf(
        status === 401 ? (JSON.parse(body) as { code: string }).code : status,
        200,
        'credential_invalid',
      )
    },
    close: () => app.close(),
  }
}

function answerOf(found: unknown, letIn: unknown, refused: unknown) {
  if (found === letIn) return 'let in'
  return found === refused ? 'refused' : 'neither'
}

/** A store that counts its reads and holds them until the gate opens. */
interface HeldStore {
  readonly store: KeyStore
  reads(): number
  hold(until: Promise<void>): void
}

function heldStore(inner: KeyStore): HeldStore {
  let reads = 0
  let until: Promise<void> = Promise.resolve()
  const store: KeyStore = {
    async get(id) {
      reads++
      const held = until
      const found = await inner.get(id)
      await held
      return found
    },
    put: (next, expectedVersion, entry) => inner.put(next, expectedVersion, entry),
    delete: (id, expectedVersion, entry) => inner.delete(id, expectedVersion, entry),
    list: (query) => inner.list(query),
    history: (query) => inner.history(query),
    forgetHistory: (before) => inner.forgetHistory(before),
    recordUse: (uses) => inner.recordUse(uses),
  }
  return {
    store,
    reads: () => reads,
    hold(next) {
      until = next
    },
  }
}
