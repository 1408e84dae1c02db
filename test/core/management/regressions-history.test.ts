import { createTwinkey, type HistoryEntry, type HistoryStep, memoryStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createClock } from '../../support/clock.ts'
import { spyStore } from '../../support/spy-store.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

function setUp() {
  const spy = spyStore(memoryStore())
  const clock = createClock()
  const events: HistoryEntry[] = []
  const create = (ahead = 0) =>
    createTwinkey({
      store: spy.store,
      now: () => clock.now() + ahead,
      onEvent: (event) => event.type.startsWith('key.') && events.push(event as HistoryEntry),
    }).keys
  const expectEvents = async (keyId: string) => {
    const { entries } = await create().history({ keyId })
    expect(events.filter((event) => event.keyId === keyId)).toEqual([...entries].reverse())
    return entries
  }
  return { spy, create, expectEvents }
}

const lost = async (_answer?: unknown): Promise<never> => {
  throw new Error('the connection is lost')
}

describe('a consumer of the history comes to the end', () => {
  it.each([
    ['if its clock stands still', 0],
    ['if the clock of the writer is a minute ahead', 60_000],
  ])('%s', async (_name, ahead) => {
    const { create } = setUp()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push((await create(ahead).create(INPUT)).key.id)
    const keys = create()
    const found: string[] = []
    let after: string | number = 0
    let hasMore = true
    for (let calls = 0; hasMore && calls < 20; calls++) {
      const step: HistoryStep = await keys.history({ after, limit: 1 })
      found.push(...step.entries.map(({ keyId }) => keyId))
      after = step.nextCursor
      hasMore = step.hasMore
    }
    expect(hasMore).toBe(false)
    expect(found.sort()).toEqual(ids.sort())
    // Then it begins again.
    expect((await keys.history({ after })).entries).toHaveLength(5)
  })
})

describe('an event of a deletion', () => {
  it('is emitted once if two deletions race', async () => {
    const { create, expectEvents } = setUp()
    const [one, two] = [create(), create()]
    const { key } = await one.create(INPUT)
    await Promise.all([one.delete(key.id, { actor: 'a' }), two.delete(key.id, { actor: 'b' })])
    expect(await expectEvents(key.id)).toHaveLength(2)
  })

  it('is the stored entry if the answer of the store is lost', async () => {
    const { spy, create, expectEvents } = setUp()
    const keys = create()
    const { key } = await keys.create(INPUT)
    spy.override({ delete: async (...args) => lost(await spy.inner.delete(...args)) })
    await keys.delete(key.id)
    expect(await expectEvents(key.id)).toHaveLength(2)
  })

  it('is the stored entry if the first attempt is written late', async () => {
    const { spy, create, expectEvents } = setUp()
    const keys = create()
    const { key } = await keys.create(INPUT)
    let land = async () => {}
    spy.override({
      async delete(...args) {
        land = async () => void (await spy.inner.delete(...args))
        spy.override({
          async delete(...again) {
            await land()
            return spy.inner.delete(...again)
          },
        })
        return lost()
      },
    })
    await keys.delete(key.id)
    expect(await expectEvents(key.id)).toHaveLength(2)
  })

  it('is not emitted by a deletion that failed before another one succeeded', async () => {
    const { spy, create, expectEvents } = setUp()
    const keys = create()
    const { key } = await keys.create(INPUT)
    spy.override({
      async delete() {
        spy.override({})
        await create().delete(key.id, { actor: 'other' })
        return lost()
      },
    })
    await keys.delete(key.id)
    expect((await expectEvents(key.id))[0]?.actor).toBe('other')
  })
})

it.each(['disable', 'revoke'] as const)(
  '%s with the expected version is no conflict with its own write that was answered with an error',
  async (change) => {
    const { spy, create, expectEvents } = setUp()
    const keys = create()
    const { key } = await keys.create(INPUT)
    spy.override({
      async put(...args) {
        // The first read after the write fails too.
        spy.override({
          async get() {
            spy.override({})
            return lost()
          },
        })
        return lost(await spy.inner.put(...args))
      },
    })
    const changed = await keys[change](key.id, { expectedVersion: key.version })
    expect(changed.version).toBeGreaterThan(key.version)
    expect(await expectEvents(key.id)).toHaveLength(2)
  },
)
