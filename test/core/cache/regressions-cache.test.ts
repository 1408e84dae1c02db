import type { StoredKey } from 'twinkey/store'
import { describe, expect, it } from 'vitest'
import { type Cached, createCache } from '../../../src/core/cache/cache.ts'
import { createBench } from '../../support/bench.ts'
import { createClock } from '../../support/clock.ts'
import { createGate, type Gate, settled } from '../../support/gate.ts'
import { verdict } from '../../support/sent.ts'

const REQUESTS = 40

describe('concurrent requests for one key do not starve each other', () => {
  it.each([
    ['where nothing is cached', 0, 1],
    ['where a read takes longer than anything is cached', 0.005, 5],
  ])('%s', async (_, maxAgeSeconds, step) => {
    const { twinkey, spy, clock } = createBench({ cache: { maxAgeSeconds } })
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const gates: Gate[] = []
    spy.override({
      async get(id) {
        const gate = createGate()
        gates.push(gate)
        await gate.opened
        return spy.inner.get(id)
      },
    })
    const asked: Promise<string>[] = []
    for (let i = 0; i < REQUESTS; i++) {
      asked.push(verdict(twinkey, primary))
      clock.advance(step)
    }
    await settled()
    // The store answers the reads in turn, each later than the maximum age of the cache.
    for (let answered = 0; answered < gates.length; answered++) {
      gates[answered]?.open()
      clock.advance(step)
      await settled()
    }
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['let in']))
    expect(gates.length).toBeLessThanOrEqual(REQUESTS)
  })

  it('and requests in the same millisecond share one read, even without a cache', async () => {
    const { twinkey, spy } = createBench({ cache: { maxAgeSeconds: 0 } })
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const asked = Array.from({ length: REQUESTS }, () => verdict(twinkey, primary))
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['let in']))
    expect(spy.calls.get).toBe(1)
  })
})

/** A cache with a maximum age of 5 ms. Each read answers its number when the test releases it. */
function createHeld() {
  const clock = createClock()
  const gates: Gate[] = []
  const cache = createCache<Cached<string>>(
    async (_id, loadedAt, generation) => {
      const gate = createGate()
      const read = gates.push(gate)
      await gate.opened
      return { value: `v${read}`, loadedAt, generation }
    },
    { maxKeys: 100, maxAgeMilliseconds: 5, now: clock.now },
  )
  const answer = async (read: number) => {
    gates[read - 1]?.open()
    await settled()
  }
  return { cache, clock, gates, answer, fresh: () => cache.peek('a', clock.now())?.value }
}

describe('a load that a newer load has superseded', () => {
  it('answers the callers that joined it in time, without a further read for them', async () => {
    const { cache, clock, gates, answer } = createHeld()
    const first = cache.load('a')
    clock.advance(4)
    const joined = cache.load('a')
    clock.advance(1)
    const second = cache.load('a')
    await answer(1)
    expect([(await first).value, (await joined).value]).toEqual(['v1', 'v1'])
    await answer(2)
    expect((await second).value).toBe('v2')
    expect(gates).toHaveLength(2)
  })

  it('never overwrites the newer value, in whichever order they end', async () => {
    const { cache, clock, answer, fresh } = createHeld()
    const first = cache.load('a')
    clock.advance(5)
    const second = cache.load('a')
    await answer(2)
    await answer(1)
    await Promise.all([first, second])
    expect(fresh()).toBe('v2')
  })

  it('does not remove the newer load from the loads in flight when it ends', async () => {
    const { cache, clock, gates, answer } = createHeld()
    const first = cache.load('a')
    clock.advance(5)
    const second = cache.load('a')
    await answer(1)
    const third = cache.load('a')
    await answer(2)
    expect([(await first).value, (await second).value, (await third).value]).toEqual([
      'v1',
      'v2',
      'v2',
    ])
    expect(gates).toHaveLength(2)
  })

  it.each([['one id', 'a'] as const, ['everything', undefined] as const])(
    'is discarded when %s is forgotten, and its callers retry',
    async (_, id) => {
      const { cache, clock, gates, answer, fresh } = createHeld()
      const first = cache.load('a')
      clock.advance(5)
      const second = cache.load('a')
      cache.forget(id)
      await answer(1)
      await answer(2)
      expect(fresh()).toBeUndefined()
      await answer(3)
      expect([(await first).value, (await second).value]).toEqual(['v3', 'v3'])
      expect(gates).toHaveLength(3)
      expect(fresh()).toBe('v3')
    },
  )
})

describe('a resolved revocation applies to a decision under way', () => {
  /** A decision about a key of the owner "ada" that waits for the owner lookup. */
  async function createWaiting(cache: { maxKeys?: number; maxAgeSeconds?: number }) {
    const owner = createGate()
    const bench = createBench({
      cache,
      ownerScope: async () => {
        await owner.opened
        return { tenants: '*', environments: '*', workflows: '*' }
      },
    })
    const { key, primary } = await bench.twinkey.keys.create({
      name: 'n',
      owner: 'ada',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const decision = verdict(bench.twinkey, primary)
    await settled()
    return { ...bench, owner, key, primary, decision }
  }

  it.each([0, 0.005])(
    'if its key was reloaded meanwhile, with a cache of %d seconds',
    async (maxAgeSeconds) => {
      const { twinkey, clock, spy, owner, key, primary, decision } = await createWaiting({
        maxAgeSeconds,
      })
      clock.advance(5)
      const reads = spy.calls.get
      const another = verdict(twinkey, primary)
      await settled()
      expect(spy.calls.get).toBe(reads + 1)
      await twinkey.keys.revoke(key.id)
      owner.open()
      expect([await decision, await another]).toEqual(['credential_invalid', 'credential_invalid'])
    },
  )

  it('if its key was evicted from the cache meanwhile', async () => {
    const { twinkey, owner, key, decision } = await createWaiting({ maxKeys: 1 })
    const other = await twinkey.keys.create({
      name: 'other',
      scope: { tenants: ['t'], workflows: '*' },
    })
    expect(await verdict(twinkey, other.primary)).toBe('let in')
    await twinkey.keys.revoke(key.id)
    owner.open()
    expect(await decision).toBe('credential_invalid')
  })

  it('and so does a change by another node that the feed reports', async () => {
    const { twinkey, another, owner, key, decision } = await createWaiting({ maxKeys: 1 })
    const other = await twinkey.keys.create({
      name: 'other',
      scope: { tenants: ['t'], workflows: '*' },
    })
    expect(await verdict(twinkey, other.primary)).toBe('let in')
    await another().keys.disable(key.id)
    owner.open()
    expect(await decision).toBe('credential_invalid')
  })

  it('and a decision whose key did not change needs no further read', async () => {
    const { twinkey, spy, owner, decision } = await createWaiting({ maxKeys: 1 })
    const other = await twinkey.keys.create({
      name: 'other',
      scope: { tenants: ['t'], workflows: '*' },
    })
    expect(await verdict(twinkey, other.primary)).toBe('let in')
    const reads = spy.calls.get
    owner.open()
    expect(await decision).toBe('let in')
    expect(spy.calls.get).toBe(reads)
  })
})

describe('a store whose feed reports a change during every read', () => {
  it('makes the decision unavailable instead of endless', async () => {
    let changed: ((id: string | undefined) => void) | undefined
    const { twinkey, spy, events } = createBench({
      store: {
        ...createBench().spy.inner,
        watch: async (heard) => {
          changed = heard
          return async () => {}
        },
      },
    })
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    spy.override({
      async get(id): Promise<StoredKey | undefined> {
        const found = await spy.inner.get(id)
        changed?.(undefined)
        return found
      },
    })
    expect(await verdict(twinkey, primary)).toBe('unavailable')
    expect(events.map(({ type }) => type)).toContain('warning.store_unavailable')
  })
})
