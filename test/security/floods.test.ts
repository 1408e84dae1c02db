import { memoryStore, type Throttle, type WireRequest } from 'twinkey'
import { describe, expect, it, vi } from 'vitest'
import { mintId, mintSecret } from '../../src/core/secrets/secret.ts'
import { createBench } from '../support/bench.ts'
import { anyTarget, codeOf, decidedNow, sent, verdict } from '../support/sent.ts'

// A small flood of each kind, counted. Memory and time are measured by `npm run figure -- floods`,
// a million of each.

const unknown = (count: number) => Array.from({ length: count }, () => mintSecret('tk', mintId()))
const typoIn = (secret: string) => secret.slice(0, -1) + (secret.endsWith('0') ? '1' : '0')

describe('a flood of made-up secrets', () => {
  it('with wrong checksums never reaches the store', async () => {
    const { twinkey, spy } = createBench()
    const codes = new Set<string>()
    for (const secret of unknown(20_000)) codes.add(await verdict(twinkey, typoIn(secret)))
    expect([[...codes], spy.calls]).toEqual([
      ['credential_invalid'],
      { get: 0, put: 0, delete: 0, list: 0, history: 0, forgetHistory: 0, recordUse: 0 },
    ])
  })

  it('with unknown ids leaves at most the latest 10,000 ids behind, and evicts no key', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { twinkey, spy } = createBench()
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    expect(await verdict(twinkey, primary)).toBe('let in')
    const secrets = unknown(12_000)
    for (const secret of secrets) expect(await verdict(twinkey, secret)).toBe('credential_invalid')
    // No deadline remains after an answered read.
    expect([spy.calls.get, vi.getTimerCount()]).toEqual([12_001, 0])
    vi.useRealTimers()
    const remembered = secrets.map(
      (secret) => decidedNow(twinkey, sent({ credential: secret }), anyTarget) !== undefined,
    )
    expect([remembered.indexOf(true), remembered.filter((each) => each).length]).toEqual([
      2000, 10_000,
    ])
    expect(decidedNow(twinkey, sent({ credential: primary }), anyTarget)?.ok).toBe(true)
  })

  it('for a known key asks for that key once for all concurrent requests, and its own callers notice nothing', async () => {
    const { twinkey, spy, clock } = createBench()
    const { key, primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    expect(await verdict(twinkey, primary)).toBe('let in')
    await twinkey.flush()
    const before = { ...spy.calls }
    for (let wave = 0; wave < 200; wave++) {
      clock.advance(10)
      const guesses = Array.from({ length: 50 }, () => verdict(twinkey, mintSecret('tk', key.id)))
      // In the middle of the flood, and without waiting for its requests.
      expect(decidedNow(twinkey, sent({ credential: primary }), anyTarget)?.ok).toBe(true)
      expect(new Set(await Promise.all(guesses))).toEqual(new Set(['credential_invalid']))
    }
    expect([spy.calls.get - before.get, spy.calls.recordUse - before.recordUse]).toEqual([200, 0])
  })

  it('is refused at the deadline if the store hangs, however many requests are in flight, and leaves nothing behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { twinkey, spy } = createBench({ deadlineSeconds: 1 })
    spy.override({ get: () => new Promise(() => {}) })
    const secrets = unknown(2000)
    const codes: string[] = []
    for (const secret of secrets) void verdict(twinkey, secret).then((code) => codes.push(code))
    await vi.advanceTimersByTimeAsync(999)
    expect([vi.getTimerCount(), codes.length]).toEqual([2000, 0])
    await vi.advanceTimersByTimeAsync(1)
    expect([vi.getTimerCount(), codes.length, [...new Set(codes)]]).toEqual([
      0,
      2000,
      ['unavailable'],
    ])
    vi.useRealTimers()
    expect(
      secrets.some(
        (secret) => decidedNow(twinkey, sent({ credential: secret }), anyTarget) !== undefined,
      ),
    ).toBe(false)
  })

  it('with a throttle costs only the failures that it allows and the requests in flight, and refuses no known key', async () => {
    const failures = new Map<string, number>()
    const throttle: Throttle<WireRequest> = {
      retryAfterSeconds: (peer) => ((failures.get(peer) ?? 0) < 10 ? undefined : 60),
      failed: (peer) => failures.set(peer, (failures.get(peer) ?? 0) + 1),
    }
    const { twinkey, spy, clock } = createBench({ store: memoryStore() })
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const ask = async (credential: string, peer: string) =>
      codeOf(
        await twinkey.authenticate({ ...sent({ credential }), peer }, { ...anyTarget, throttle }),
      )
    expect(await ask(primary, 'peer 0')).toBe('let in')
    for (let wave = 0; wave < 100; wave++) {
      await Promise.all(unknown(20).map((secret, peer) => ask(secret, `peer ${peer}`)))
      clock.advance(10_000)
      expect(await ask(primary, `peer ${wave % 20}`)).toBe('let in')
    }
    expect(spy.calls.get).toBe(1 + 10 * 20 + 100)
    const before = spy.calls.get
    const codes = await Promise.all(unknown(50).map((secret) => ask(secret, 'another')))
    codes.push(...(await Promise.all(unknown(50).map((secret) => ask(secret, 'another')))))
    expect([
      spy.calls.get - before,
      codes.filter((code) => code === 'rate_limited').length,
    ]).toEqual([50, 50])
  })
})
