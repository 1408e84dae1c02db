import { createTwinkey } from 'twinkey'
import type { Figure, Progress } from './figure.ts'
import { quantiles } from './quantiles.ts'
import { KEYS_PER_TENANT, tenantOf } from './scale-copy.ts'
import { type Crowd, type Ground, postgresGround, redisGround } from './scale-crowd.ts'

const FEW = 10_000
const PAGE = 50
const SAMPLES = 200
// The index of a million keys is one level deeper, and less of it is in the processor cache.
const FLAT = 1.5

/**
 * Compares many keys with few on one server, in alternating order. A lookup and the first page of a
 * tenant take the same time for any number of keys.
 */
export const figure: Figure = {
  name: 'scale',
  title: 'time of a lookup and a page with many keys and with few, and size of a key',
  async run({ quick, progress }) {
    const many = quick ? 100_000 : 1_000_000
    const rows = [
      await measure('postgres', await postgresGround(), many, quick ? 3000 : 20_000, progress),
      await measure('redis', await redisGround(), many, quick ? 3000 : 20_000, progress),
    ]
    const ok = rows.every(
      ({ wrong, lookup, page }) => wrong === 0 && lookup.ratio <= FLAT && page.ratio <= FLAT,
    )
    return { ok, rows }
  },
}

async function measure(
  store: string,
  ground: Ground,
  many: number,
  lookups: number,
  progress: Progress,
) {
  try {
    const crowds = []
    for (const keys of [FEW, many])
      crowds.push(
        await ground.gather(keys, (done) => progress(`${store}: ${done} of ${keys} keys`)),
      )
    const [few, all] = crowds as [Crowd, Crowd]
    const wrong = (await wrongIn(few)) + (await wrongIn(all))
    const lookup = await inTurns(few, all, lookups, ({ store, ids }) => store.get(any(ids)))
    const page = await inTurns(few, all, lookups / 20, ({ store, ids }) =>
      store.list({
        tenant: tenantOf(Math.random() * ids.length),
        now: Date.now(),
        sort: 'newest',
        limit: PAGE,
      }),
    )
    progress(`${store}: ${lookups} lookups among each`)
    return {
      store,
      keys: [FEW, many],
      wrong,
      bytesPerKey: [few.bytesPerKey, all.bytesPerKey],
      lookup,
      page,
    }
  } finally {
    await ground.stop()
  }
}

// Alternating, so that other load affects both.
async function inTurns(
  few: Crowd,
  all: Crowd,
  times: number,
  ask: (crowd: Crowd) => Promise<unknown>,
) {
  const timed = async (crowd: Crowd, into: number[]) => {
    const began = performance.now()
    await ask(crowd)
    into.push(performance.now() - began)
  }
  // Not counted: the first call compiles statements and reads from disk.
  for (let turn = 0; turn < times / 5; turn++) await Promise.all([timed(few, []), timed(all, [])])
  const milliseconds: { few: number[]; many: number[] } = { few: [], many: [] }
  for (let turn = 0; turn < times; turn++) {
    await timed(few, milliseconds.few)
    await timed(all, milliseconds.many)
  }
  const among = { few: quantiles(milliseconds.few), many: quantiles(milliseconds.many) }
  return {
    times,
    milliseconds: among,
    ratio: Math.round((100 * among.many.p50) / among.few.p50) / 100,
  }
}

// The store must accept the copies: each key by its id, and exactly those of a tenant in its pages.
async function wrongIn({ store, ids }: Crowd): Promise<number> {
  const { keys, close } = createTwinkey({ store })
  let wrong = 0
  for (let sample = 0; sample < SAMPLES; sample++) {
    const n = Math.floor(Math.random() * ids.length)
    const key = await keys.get(ids[n] as string)
    if (key?.scope.tenants[0] !== tenantOf(n) || (n > 0 && key.primary.lastUsedAt === null)) wrong++
  }
  for (let sample = 0; sample < SAMPLES / 20; sample++) {
    const first = Math.floor((Math.random() * ids.length) / KEYS_PER_TENANT) * KEYS_PER_TENANT
    const found: string[] = []
    let cursor: string | undefined
    do {
      const page = await keys.list({
        tenant: tenantOf(first),
        state: 'active',
        limit: PAGE,
        cursor,
      })
      found.push(...page.keys.map(({ id }) => id))
      cursor = page.next
    } while (cursor !== undefined)
    if (
      found.toSorted().join() !==
      ids
        .slice(first, first + KEYS_PER_TENANT)
        .toSorted()
        .join()
    )
      wrong++
  }
  await close()
  return wrong
}

function any(ids: readonly string[]): string {
  return ids[Math.floor(Math.random() * ids.length)] as string
}
