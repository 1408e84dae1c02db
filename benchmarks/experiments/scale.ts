import { createTwinkey } from 'twinkey'
import type { Figure, Progress } from './figure.ts'
import { quantiles } from './quantiles.ts'
import { KEYS_PER_TENANT, tenantOf } from './scale-copy.ts'
import type { Crowd, Ground } from './scale-crowd.ts'
import { mysqlGround, postgresGround, redisGround, sqliteGround } from './scale-grounds.ts'
import { type ListRow, timeLists } from './scale-list.ts'
import { pageWhileChanging } from './scale-paging.ts'

const FEW = 10_000
const PAGE = 50
const SAMPLES = 200
// The index of a million keys is one level deeper, and less of it is in the processor cache.
const FLAT = 1.5
// A page may need one more round trip for the entries that its filter does not match.
const FLAT_LIST = 3

/**
 * Compares many keys with few on one server, in alternating order. A lookup and a page take the same
 * time for any number of keys, whatever the filter, and pages skip and repeat no key.
 */
export const figure: Figure = {
  name: 'scale',
  title: 'time of a lookup and a page with many keys and with few, and size of a key',
  async run({ quick, progress }) {
    const many = quick ? 20_000 : 1_000_000
    const grounds = {
      postgres: postgresGround,
      mysql: mysqlGround,
      redis: redisGround,
      sqlite: sqliteGround,
    }
    const rows = []
    for (const [store, ground] of Object.entries(grounds))
      rows.push(await measure(store, await ground(), { many, quick, progress }))
    const ok = rows.every(
      ({ wrong, lookup, page, lists, paging }) =>
        wrong + paging.skipped + paging.repeated === 0 &&
        lookup.ratio <= FLAT &&
        page.ratio <= FLAT &&
        lists.every(isFlat),
    )
    return { ok, rows }
  },
}

// Few keys may end before the page is full. A fuller page reads more.
function isFlat({ ratio, keys }: ListRow): boolean {
  return ratio <= FLAT_LIST * Math.max(1, keys.many / Math.max(1, keys.few))
}

interface How {
  readonly many: number
  readonly quick: boolean
  readonly progress: Progress
}

async function measure(store: string, ground: Ground, { many, quick, progress }: How) {
  const lookups = quick ? 200 : 10_000
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
        tenant: tenantOf(Math.floor(Math.random() * ids.length), ids.length),
        now: Date.now(),
        sort: 'newest',
        limit: PAGE,
      }),
    )
    progress(`${store}: ${lookups} lookups among each`)
    const lists = await timeLists(few, all, {
      times: quick ? 7 : 21,
      sorts: quick ? ['newest'] : ['newest', 'oldest'],
      pages: quick ? ['first'] : ['first', 'middle'],
      progress: (line) => progress(`${store}: ${line}`),
    })
    return {
      store,
      keys: [FEW, many],
      wrong: wrong + lists.wrong,
      bytesPerKey: [few.bytesPerKey, all.bytesPerKey],
      lookup,
      page,
      paging: await pageWhileChanging(all, quick ? 50 : 300),
      worstList: lists.rows.reduce((worst, row) => (row.ratio > worst.ratio ? row : worst)),
      lists: lists.rows,
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
    if (
      key?.scope.tenants[0] !== tenantOf(n, ids.length) ||
      (n > 0 && key.primary.lastUsedAt === null)
    )
      wrong++
  }
  for (let sample = 0; sample < SAMPLES / 20; sample++) {
    const n = Math.floor(Math.random() * ids.length)
    const found: string[] = []
    const query = { tenant: tenantOf(n, ids.length), limit: PAGE }
    for await (const { id } of keys.all(query)) found.push(id)
    const tenants = ids.length / KEYS_PER_TENANT
    const expected = ids.filter((_, i) => i % tenants === n % tenants).toReversed()
    if (found.join() !== expected.join()) wrong++
  }
  await close()
  return wrong
}

function any(ids: readonly string[]): string {
  return ids[Math.floor(Math.random() * ids.length)] as string
}
