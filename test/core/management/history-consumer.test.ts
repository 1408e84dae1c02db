import {
  createTwinkey,
  type HistoryEntry,
  type HistoryStep,
  type KeyStore,
  memoryStore,
} from 'twinkey'
import { describe, expect, it } from 'vitest'
import { type Clock, createClock } from '../../support/clock.ts'
import { seeded } from '../../support/racing-store.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const
const MAX_DELAY = 110_000

/**
 * A store whose history shows each entry up to 110 seconds after its time, in random order: clocks of
 * nodes differ, and a write can be retried. It counts its calls of `history`.
 */
function lateStore(clock: Clock, random: () => number) {
  const inner = memoryStore()
  const shownAt = new Map<string, number>()
  let reads = 0
  const store: KeyStore = {
    ...inner,
    async history(query) {
      reads++
      const entries: HistoryEntry[] = []
      let after = query.after
      for (;;) {
        const page = await inner.history({ ...query, after, limit: 1 })
        for (const entry of page.entries) {
          if (!shownAt.has(entry.id))
            shownAt.set(entry.id, entry.at + Math.floor(random() * MAX_DELAY))
          if ((shownAt.get(entry.id) as number) <= clock.now()) entries.push(entry)
        }
        if (page.next === undefined) return { entries, next: undefined }
        after = page.next
        if (entries.length === query.limit) {
          const last = entries.at(-1) as HistoryEntry
          return { entries, next: { at: last.at, id: last.id } }
        }
      }
    },
  }
  return { store, reads: () => reads }
}

describe('a consumer of the history', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'sees every entry, even if entries become visible late and in another order: seed %i',
    async (seed) => {
      const random = seeded(seed)
      const clock = createClock()
      const { store } = lateStore(clock, random)
      const written: string[] = []
      const twinkey = createTwinkey({
        store,
        now: clock.now,
        onEvent: (event) => {
          if ('version' in event) written.push(event.id)
        },
      })
      const seen = new Set<string>()
      let repeats = 0
      let after: string | number = 0
      const step = async () => {
        const limit = 1 + Math.floor(random() * 12)
        const page = await twinkey.keys.history({ after, limit })
        after = page.nextCursor
        for (const { id } of page.entries) {
          if (seen.has(id)) repeats++
          seen.add(id)
        }
        return page.hasMore
      }
      for (let turn = 0; turn < 150; turn++) {
        for (let left = Math.floor(random() * 3); left > 0; left--) await twinkey.keys.create(INPUT)
        clock.advance(Math.floor(random() ** 3 * 60_000))
        for (let left = Math.floor(random() * 4); left > 0; left--) await step()
      }
      // After the last change, everything is visible within two minutes. The reader may be in the
      // middle of what it reads again, so it comes to an end twice.
      clock.advance(MAX_DELAY)
      let steps = 0
      for (const _end of [1, 2]) while (await step()) expect(++steps).toBeLessThan(1000)
      expect(written.length).toBeGreaterThan(50)
      expect([...seen].sort()).toEqual([...written].sort())
      expect(repeats).toBeGreaterThan(0)
    },
  )

  it.each([1, 2, 7, 100])(
    'reaches the end if nothing is new, although all entries have one time, with a limit of %i',
    async (limit) => {
      const clock = createClock()
      const { keys } = createTwinkey({ store: memoryStore(), now: clock.now })
      const ids = new Set<string>()
      for (let i = 0; i < 23; i++) ids.add((await keys.create(INPUT)).key.id)
      await expectEnd(keys, limit, ids)
      // The entries are old now, and the same reader has nothing to read again.
      clock.advance(120_001)
      await expectEnd(keys, limit, ids)
    },
  )

  it.each([1, 2, 7, 100])(
    'reaches the end if entries are of a time still to come, with a limit of %i',
    async (limit) => {
      const clock = createClock()
      const { keys } = createTwinkey({ store: memoryStore(), now: clock.now })
      const ids = new Set<string>()
      for (let i = 0; i < 23; i++) ids.add((await keys.create(INPUT)).key.id)
      // The clock of this node is an hour behind that of the node which made them.
      clock.advance(-3_600_000)
      for (let i = 0; i < 5; i++) ids.add((await keys.create(INPUT)).key.id)
      await expectEnd(keys, limit, ids)
    },
  )

  it('reads nothing again once all entries are older than two minutes', async () => {
    const clock = createClock()
    const { keys } = createTwinkey({ store: memoryStore(), now: clock.now })
    for (let i = 0; i < 5; i++) await keys.create(INPUT)
    const near = await keys.history({ after: 0 })
    expect(near.entries).toHaveLength(5)
    expect((await keys.history({ after: near.nextCursor })).entries).toHaveLength(5)
    clock.advance(120_001)
    const once = await keys.history({ after: near.nextCursor })
    expect(once.entries).toHaveLength(5)
    const later = await keys.history({ after: once.nextCursor })
    expect(later).toEqual({ entries: [], hasMore: false, nextCursor: expect.any(String) })
    const { key } = await keys.create(INPUT)
    const next = await keys.history({ after: later.nextCursor })
    expect(next.entries).toMatchObject([{ keyId: key.id }])
  })

  it('begins at a time, or at the first entry', async () => {
    const clock = createClock()
    const { keys } = createTwinkey({ store: memoryStore(), now: clock.now })
    const times: number[] = []
    for (let i = 0; i < 4; i++) {
      await keys.create(INPUT)
      times.push(clock.now())
      clock.advance(1000)
    }
    const timesAfter = async (after: number) =>
      (await keys.history({ after })).entries.map(({ at }) => at)
    expect(await timesAfter(0)).toEqual(times)
    expect(await timesAfter(times[2] as number)).toEqual(times.slice(2))
    expect(await timesAfter(clock.now() + 5000)).toEqual([])
  })
})

type Keys = ReturnType<typeof createTwinkey>['keys']

async function expectEnd(keys: Keys, limit: number, ids: ReadonlySet<string>): Promise<void> {
  const seen = new Set<string>()
  let after: string | number = 0
  for (let round = 0; round < 3; round++) {
    let hasMore = true
    for (let steps = 0; hasMore; steps++) {
      expect(steps).toBeLessThan(100)
      const page: HistoryStep = await keys.history({ after, limit })
      for (const { keyId } of page.entries) seen.add(keyId)
      after = page.nextCursor
      hasMore = page.hasMore
    }
    expect(seen).toEqual(ids)
  }
}
