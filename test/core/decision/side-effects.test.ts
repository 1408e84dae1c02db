import type { TwinkeyEvent } from 'twinkey'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { settled } from '../../support/gate.ts'
import { anyTarget, decidedNow, sent, verdict } from '../../support/sent.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const
const unhandled = vi.fn()

beforeEach(() => void process.on('unhandledRejection', unhandled.mockReset()))
afterEach(async () => {
  await settled()
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

describe('a failing listener never affects a decision or a change', () => {
  it.each<[string, (event: TwinkeyEvent) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('listener')
      },
    ],
    [
      'throws undefined',
      () => {
        throw undefined
      },
    ],
    ['rejects', async () => Promise.reject(new Error('listener'))],
    [
      'rejects later',
      async () => {
        await settled()
        throw new Error('listener')
      },
    ],
    ['never answers', () => new Promise(() => {})],
    ['answers something odd', () => ({ catch: null })],
    [
      'tries to change the event',
      (event) => {
        ;(event as { keyId: string }).keyId = 'another'
      },
    ],
  ])('it %s', async (_, onEvent) => {
    const { twinkey } = createBench({ onEvent })
    const { key, primary } = await twinkey.keys.create(INPUT)
    expect(await verdict(twinkey, primary)).toBe('let in')
    expect(await verdict(twinkey, `${primary.slice(0, -1)}-`)).toBe('credential_invalid')
    const issued = await twinkey.tokens.issue(primary)
    expect(await verdict(twinkey, issued.ok ? issued.token : '')).toBe('let in')
    expect((await twinkey.keys.revoke(key.id)).state).toBe('revoked')
    expect(await verdict(twinkey, primary)).toBe('credential_invalid')
  })

  it('it never settles, and close does not wait for it forever', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { twinkey } = createBench({ onEvent: () => new Promise(() => {}) })
    await twinkey.keys.create(INPUT)
    let closed = false
    twinkey.close().then(() => {
      closed = true
    })
    await vi.advanceTimersByTimeAsync(60_000)
    vi.useRealTimers()
    expect(closed).toBe(true)
  })

  it('it disables the key that the event is about', async () => {
    const bench = createBench({
      onEvent: (event) => {
        if (event.type === 'access.allowed') bench.twinkey.keys.disable(event.keyId)
      },
    })
    const { primary } = await bench.twinkey.keys.create(INPUT)
    expect(await verdict(bench.twinkey, primary)).toBe('let in')
    await settled()
    expect(await verdict(bench.twinkey, primary)).toBe('credential_invalid')
  })
})

describe('a failing write of the last use never affects a decision', () => {
  it.each<[string, () => Promise<void>]>([
    ['rejects', () => Promise.reject(new Error('read-only'))],
    [
      'throws',
      () => {
        throw new Error('read-only')
      },
    ],
  ])('the store %s', async (_, recordUse) => {
    const { twinkey, spy, events, clock } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    spy.override({ recordUse })
    for (let i = 0; i < 3; i++) {
      expect(await verdict(twinkey, primary)).toBe('let in')
      await settled()
      clock.advance(60_000)
    }
    await twinkey.close()
    const warnings = events.filter(({ type }) => type === 'warning.store_unavailable')
    expect(warnings).toHaveLength(3)
    expect(warnings[0]).toMatchObject({ error: { code: 'store_unavailable' } })
  })

  it('the store hangs, and no request waits for it', async () => {
    const { twinkey, spy } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    spy.override({ recordUse: () => new Promise(() => {}) })
    expect(await verdict(twinkey, primary)).toBe('let in')
    expect(decidedNow(twinkey, sent({ credential: primary }), anyTarget)?.ok).toBe(true)
  })
})

describe('a failing feed', () => {
  it.each<[string, () => Promise<() => Promise<void>>]>([
    ['rejects', () => Promise.reject(new Error('no LISTEN'))],
    [
      'throws',
      () => {
        throw new Error('no LISTEN')
      },
    ],
  ])('is reported and locks no caller out: it %s', async (_, watch) => {
    const { events, another } = createBench()
    const { store } = createBench().spy
    const twinkey = another({ store: { ...store, watch } })
    const { primary } = await twinkey.keys.create(INPUT)
    expect(await verdict(twinkey, primary)).toBe('let in')
    await twinkey.close()
    expect(events.some(({ type }) => type === 'warning.store_unavailable')).toBe(true)
  })

  it('does not keep close from waiting for the writes of last uses', async () => {
    const { another, spy } = createBench()
    const failing = async () => () => Promise.reject(new Error('connection closed'))
    const twinkey = another({ store: { ...spy.store, watch: failing } })
    const { primary } = await twinkey.keys.create(INPUT)
    let written = 0
    spy.override({
      recordUse: async (uses) => {
        await settled()
        written += uses.length
      },
    })
    await twinkey.keys.verify(primary)
    await twinkey.close().catch(() => {})
    expect(written).toBe(1)
  })
})
