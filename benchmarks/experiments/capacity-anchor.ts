import { createTwinkey, type KeyStore, memoryStore, type Twinkey } from 'twinkey'
import { createTestClock } from 'twinkey/testing'
import { seeded } from '../../test/support/racing-store.ts'
import { anyTarget, sent } from '../../test/support/sent.ts'
import type { Fleet } from './capacity-model.ts'

/** Counts at the store of a small fleet, per second. */
export interface Counted {
  readonly readsPerSecond: number
  readonly unknownReadsPerSecond: number
  readonly usesPerSecond: number
  readonly notificationsPerWrite: number | null
}

/** Requests for unknown ids. */
export interface Strangers {
  readonly ids: number
  readonly requestsPerSecond: number
}

// Time for the caches to fill before counting.
const WARM_UP_SECONDS = 70

/**
 * Runs a small fleet of real nodes over one memory store, request by request, with a test clock.
 * It reveals errors in the formulas and in the simulation of the cache.
 */
export async function runFleet(
  fleet: Fleet,
  strangers: Strangers,
  seconds: number,
  seed: number,
): Promise<Counted> {
  const random = seeded(seed)
  const clock = createTestClock()
  const backend = memoryStore()
  const counts = { reads: 0, unknown: 0, uses: 0, writes: 0, notifications: 0 }
  const unknown = new Set<string>()
  const counting = (): KeyStore => ({
    ...backend,
    get(id) {
      counts[unknown.has(id) ? 'unknown' : 'reads']++
      return backend.get(id)
    },
    recordUse(uses) {
      counts.uses += uses.length
      return backend.recordUse(uses)
    },
    watch: async (changed) =>
      (await backend.watch?.((id) => {
        counts.notifications++
        changed(id)
      })) ?? (async () => {}),
  })
  const cache = { maxKeys: fleet.maxKeys, maxAgeSeconds: fleet.maxAgeSeconds }
  const nodes = Array.from({ length: fleet.nodes }, () =>
    createTwinkey({ store: counting(), now: clock.now, cache }),
  )
  const { keys } = createTwinkey({
    store: { ...backend, watch: async () => async () => {} },
    now: clock.now,
  })

  const known: { id: string; secret: string }[] = []
  for (let rank = 1; rank <= fleet.popularity.keys; rank++) {
    const { key, primary } = await keys.create({
      name: 'k',
      scope: { tenants: '*', workflows: '*' },
    })
    known.push({ id: key.id, secret: primary })
    // A random moment within the last minute, so that the keys are out of step.
    await backend.recordUse([
      {
        keyId: key.id,
        secretId: key.primary.id,
        usedAt: clock.now() - Math.ceil(random() * 60_000),
      },
    ])
  }
  const gone: string[] = []
  while (gone.length < strangers.ids) {
    const { key, primary } = await keys.create({
      name: 'gone',
      scope: { tenants: '*', workflows: '*' },
    })
    await keys.delete(key.id)
    unknown.add(key.id)
    gone.push(primary)
  }

  const rates = [
    fleet.requestsPerSecond,
    strangers.requestsPerSecond,
    fleet.writesPerSecond,
  ] as const
  const all = rates.reduce((sum, rate) => sum + rate, 0)
  const keyOf = () => known[fleet.popularity.draw(random) - 1] as { id: string; secret: string }
  let [now, turned] = [0, 0]
  let begun = false
  for (;;) {
    now += -Math.log(1 - random()) / all
    if (!begun && now >= WARM_UP_SECONDS) {
      begun = true
      for (const count of Object.keys(counts) as (keyof typeof counts)[]) counts[count] = 0
    }
    if (now >= WARM_UP_SECONDS + seconds) break
    const milliseconds = Math.floor(now * 1000)
    clock.advance(milliseconds - turned)
    turned = milliseconds
    const node = nodes[Math.floor(random() * nodes.length)] as Twinkey
    const kind = random() * all
    if (kind < rates[0]) await ask(node, keyOf().secret)
    else if (kind < rates[0] + rates[1])
      await ask(node, gone[Math.floor(random() * gone.length)] as string)
    else {
      counts.writes++
      await keys.update(keyOf().id, { name: `k${milliseconds}` })
    }
  }
  await Promise.all(nodes.map((node) => node.close()))
  return {
    readsPerSecond: counts.reads / seconds,
    unknownReadsPerSecond: counts.unknown / seconds,
    usesPerSecond: counts.uses / seconds,
    notificationsPerWrite: counts.writes === 0 ? null : counts.notifications / counts.writes,
  }
}

// Awaits only what is a promise, as the adapters do.
function ask(node: Twinkey, credential: string): Promise<unknown> | undefined {
  const request = sent({ credential })
  const decision = node.decide(request, anyTarget)
  if ('then' in decision) return decision.then(() => node.flush())
  return node.flush()
}
