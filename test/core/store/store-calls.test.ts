import { type KeyStore, memoryStore, type TwinkeyEvent } from 'twinkey'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { createGate, settled } from '../../support/gate.ts'

// What each store call receives, and that nothing continues after its end.

const INPUT = {
  name: 'n',
  owner: 'ada',
  scope: { tenants: ['t'], workflows: '*' },
  secondary: false,
} as const
const hanging = () => new Promise<never>(() => {})

afterEach(() => void vi.useRealTimers())

/** The signals of all calls of a store, by method, in order. */
function signalled(inner: KeyStore) {
  const signals: Record<string, AbortSignal[]> = {}
  const note = (name: string, signal: AbortSignal | undefined) => {
    signals[name] = [...(signals[name] ?? []), signal as AbortSignal]
  }
  const store: KeyStore = {
    get(id, signal) {
      note('get', signal)
      return inner.get(id, signal)
    },
    put(next, expected, entry, signal) {
      note('put', signal)
      return inner.put(next, expected, entry, signal)
    },
    delete(id, expected, entry, signal) {
      note('delete', signal)
      return inner.delete(id, expected, entry, signal)
    },
    list(query, signal) {
      note('list', signal)
      return inner.list(query, signal)
    },
    history(query, signal) {
      note('history', signal)
      return inner.history(query, signal)
    },
    forgetHistory(before, signal) {
      note('forgetHistory', signal)
      return inner.forgetHistory(before, signal)
    },
    recordUse(uses, signal) {
      note('recordUse', signal)
      return inner.recordUse(uses, signal)
    },
  }
  return { store, signals }
}

describe('every store call has a signal', () => {
  it('that is not aborted in time or after the answer', async () => {
    const { store, signals } = signalled(memoryStore())
    const { twinkey } = createBench({ store })
    const { key, primary } = await twinkey.keys.create(INPUT)
    await twinkey.keys.verify(primary)
    await twinkey.flush()
    await twinkey.keys.list()
    await twinkey.keys.delete(key.id)
    expect(Object.keys(signals).sort()).toEqual(['delete', 'get', 'list', 'put', 'recordUse'])
    expect(
      Object.values(signals).flatMap((all) => all.map(({ aborted }) => aborted)),
    ).not.toContain(true)
  })

  it.each(['get', 'put', 'list', 'delete', 'recordUse'] as const)(
    'that is aborted at the deadline: %s',
    async (name) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const inner = memoryStore()
      const { store, signals } = signalled({ ...inner, [name]: hanging })
      const bench = createBench({ store: inner })
      const { key, primary } = await bench.twinkey.keys.create(INPUT)
      const twinkey = bench.another({ store })
      const calls = {
        get: () => twinkey.keys.get(key.id),
        put: () => twinkey.keys.create(INPUT),
        list: () => twinkey.keys.list(),
        delete: () => twinkey.keys.delete(key.id),
        recordUse: () => twinkey.keys.verify(primary).then(() => twinkey.flush()),
      }
      const done = calls[name]().catch(() => {})
      while (signals[name] === undefined) await settled()
      await vi.advanceTimersByTimeAsync(1999)
      expect(signals[name]?.[0]?.aborted).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      expect(signals[name]?.[0]?.aborted).toBe(true)
      await vi.advanceTimersByTimeAsync(60_000)
      await done
    },
  )
})

describe('close', () => {
  it('waits for a write under way instead of aborting it', async () => {
    const { twinkey, spy, inner } = withInner()
    const gate = createGate()
    spy.override({ put: (...args) => gate.opened.then(() => inner.put(...args)) })
    const creating = twinkey.keys.create(INPUT)
    let isClosed = false
    const closing = twinkey.close().then(() => {
      isClosed = true
    })
    for (let turn = 0; turn < 5; turn++) await settled()
    expect(isClosed).toBe(false)
    gate.open()
    await closing
    expect((await creating).key.name).toBe('n')
  })

  it('aborts reads under way, and not later calls', async () => {
    const { store, signals } = signalled({ ...memoryStore(), list: hanging })
    const { twinkey } = createBench({ store, deadlineSeconds: 0.2 })
    const listing = twinkey.keys.list().catch(() => {})
    await twinkey.close()
    expect(signals['list']?.[0]?.aborted).toBe(true)
    await twinkey.keys.create(INPUT)
    expect(signals['put']?.[0]?.aborted).toBe(false)
    await listing
  })

  it.each(['revoke', 'delete'] as const)(
    'ends the retries of a change that keeps losing: %s',
    async (name) => {
      const { twinkey, spy, inner } = withInner()
      const { key } = await twinkey.keys.create(INPUT)
      let closing: Promise<void> | undefined
      const lose = async () => {
        if (spy.calls.put + spy.calls.delete === 5) closing = twinkey.close()
        await settled()
        return 'conflict' as const
      }
      spy.override({ put: lose, delete: lose, get: (id) => inner.get(id) })
      expect(await errorCodeOf(twinkey.keys[name](key.id))).toBe('version_conflict')
      await closing
      expect(spy.calls.put + spy.calls.delete).toBeLessThan(10)
    },
  )
})

function withInner() {
  const inner = memoryStore()
  return { ...createBench({ store: inner }), inner }
}

describe('a change that always loses to a conflict', () => {
  it.each(['revoke', 'disable', 'delete'] as const)(
    'is given up after half a minute, and was not made: %s',
    async (name) => {
      const { twinkey, spy, clock } = withInner()
      const { key } = await twinkey.keys.create(INPUT)
      const lose = async () => {
        clock.advance(1000)
        return 'conflict' as const
      }
      spy.override({ put: lose, delete: lose })
      expect(await errorCodeOf(twinkey.keys[name](key.id))).toBe('version_conflict')
      expect(spy.calls.put + spy.calls.delete).toBe(31)
    },
  )

  it.each(['revoke', 'delete'] as const)(
    'is version_conflict after a thousand attempts, too: %s',
    async (name) => {
      const { twinkey, spy } = withInner()
      const { key } = await twinkey.keys.create(INPUT)
      const lose = async () => 'conflict' as const
      spy.override({ put: lose, delete: lose })
      expect(await errorCodeOf(twinkey.keys[name](key.id))).toBe('version_conflict')
      expect(spy.calls.put + spy.calls.delete).toBe(1001)
    },
  )

  it('is outcome_unknown if one of its attempts may have been stored', async () => {
    const { twinkey, spy } = withInner()
    const { key } = await twinkey.keys.create(INPUT)
    let calls = 0
    spy.override({
      put: async () => {
        if (++calls <= 2) throw new Error('connection reset')
        return 'conflict'
      },
    })
    await expect(twinkey.keys.revoke(key.id)).rejects.toMatchObject({
      code: 'outcome_unknown',
      message: expect.stringContaining('connection reset'),
    })
  })

  it('makes delete store_unavailable if nothing was deleted and the key cannot be read again', async () => {
    const { twinkey, spy, inner } = withInner()
    const { key } = await twinkey.keys.create(INPUT)
    let deletes = 0
    spy.override({
      delete: async () => {
        deletes++
        return 'conflict'
      },
      get: (id) => (deletes > 0 ? Promise.reject(new Error('down')) : inner.get(id)),
    })
    expect(await errorCodeOf(twinkey.keys.delete(key.id))).toBe('store_unavailable')
  })
})

it('a list whose next page is the same page is store_malformed, so revokeAll ends', async () => {
  const { twinkey, spy } = withInner()
  spy.override({ list: async () => ({ keys: [], next: { at: 1, id: 'same' } }) })
  expect(await errorCodeOf(twinkey.keys.revokeAll({ owner: 'ada' }))).toBe('store_malformed')
  expect(spy.calls.list).toBe(2)
})

describe('the inspection of a store', () => {
  const unsafe = (events: readonly TwinkeyEvent[]) =>
    events.flatMap((event) => (event.type === 'warning.store_unsafe' ? [event.message] : []))

  it('runs once, after the first answer, and emits its findings', async () => {
    let looks = 0
    const inspect = async () => {
      looks++
      return ['It forgets.', 'It lags.']
    }
    const events: TwinkeyEvent[] = []
    const other = createBench({ onEvent: (event) => events.push(event) }).another({
      store: { ...memoryStore(), inspect },
    })
    await settled()
    expect(looks).toBe(0)
    for (let call = 0; call < 3; call++) {
      await other.keys.list()
      await other.flush()
    }
    expect([looks, unsafe(events)]).toEqual([1, ['It forgets.', 'It lags.']])
  })

  it.each([
    ['fails', () => Promise.reject(new Error('not allowed'))],
    ['throws', () => expect.fail('not allowed')],
    ['answers nonsense', async () => 5 as never],
  ])('breaks nothing if it %s, and is not repeated forever', async (_how, inspect) => {
    let looks = 0
    const store: KeyStore = {
      ...memoryStore(),
      inspect() {
        looks++
        return inspect()
      },
    }
    const events: TwinkeyEvent[] = []
    const twinkey = createBench({ onEvent: (event) => events.push(event) }).another({ store })
    for (let call = 0; call < 10; call++) {
      await twinkey.keys.list()
      await twinkey.flush()
    }
    expect(looks).toBeLessThanOrEqual(3)
    expect(events).toEqual([])
  })

  it('does not run without a listener', async () => {
    const inspect = vi.fn(async () => [])
    const twinkey = createBench().another({
      store: { ...memoryStore(), inspect },
      onEvent: undefined,
    })
    await twinkey.keys.list()
    await twinkey.close()
    expect(inspect).not.toHaveBeenCalled()
  })
})
