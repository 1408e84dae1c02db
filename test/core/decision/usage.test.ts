import { memoryStore } from 'twinkey'
import type { SecretUse } from 'twinkey/store'
import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { createGate, settled } from '../../support/gate.ts'
import { anyTarget, byHeaders, decidedNow, sent, verdict } from '../../support/sent.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

async function createWithKey() {
  const inner = memoryStore()
  const bench = createBench({ store: inner })
  const created = await bench.twinkey.keys.create(INPUT)
  const batches: (readonly SecretUse[])[] = []
  const recordUse = (uses: readonly SecretUse[]) => {
    batches.push(uses)
    return inner.recordUse(uses)
  }
  bench.spy.override({ recordUse })
  return { ...bench, ...created, batches, inner, recordUse, secondary: created.secondary as string }
}

describe('the last use of a secret', () => {
  it('is recorded at once the first time, with key, secret and time', async () => {
    const { twinkey, clock, key, primary, batches } = await createWithKey()
    expect(await verdict(twinkey, primary)).toBe('let in')
    await settled()
    expect(batches).toEqual([[{ keyId: key.id, secretId: key.primary.id, usedAt: clock.now() }]])
  })

  it('is recorded at most once a minute, however often the secret is used and its key is reloaded', async () => {
    const { twinkey, clock, primary, batches } = await createWithKey()
    const start = clock.now()
    for (let second = 0; second < 240; second++) {
      expect(await verdict(twinkey, primary)).toBe('let in')
      await settled()
      clock.advance(1000)
    }
    expect(batches.flat().map(({ usedAt }) => (usedAt - start) / 1000)).toEqual([0, 60, 120, 180])
  })

  it('is recorded once for 10,000 concurrent requests', async () => {
    const { twinkey, primary, batches } = await createWithKey()
    await Promise.all(Array.from({ length: 10_000 }, () => twinkey.keys.verify(primary)))
    await settled()
    expect(batches.flat()).toHaveLength(1)
  })

  it('is recorded for each slot separately, and a token counts as a use of the secret that it was issued for', async () => {
    const { twinkey, clock, key, primary, secondary } = await createWithKey()
    const issued = await twinkey.tokens.issue(secondary)
    await twinkey.close()
    expect(await twinkey.keys.get(key.id)).toMatchObject({
      primary: { lastUsedAt: null },
      secondary: { lastUsedAt: clock.now() },
    })
    clock.advance(60_000)
    expect(await verdict(twinkey, issued.ok ? issued.token : '')).toBe('let in')
    await twinkey.close()
    expect(await twinkey.keys.get(key.id)).toMatchObject({
      primary: { lastUsedAt: null },
      secondary: { lastUsedAt: clock.now() },
    })
    expect(await verdict(twinkey, primary)).toBe('let in')
    await twinkey.close()
    expect(await twinkey.keys.get(key.id)).toMatchObject({ primary: { lastUsedAt: clock.now() } })
  })

  it('is recorded once a minute for a secret and all of its tokens together', async () => {
    const { twinkey, clock, key, primary, batches } = await createWithKey()
    const tokens = await Promise.all([1, 2, 3].map(() => twinkey.tokens.issue(primary)))
    const start = clock.now()
    for (let second = 0; second < 120; second += 20) {
      for (const issued of tokens)
        expect(await verdict(twinkey, issued.ok ? issued.token : '')).toBe('let in')
      expect(await verdict(twinkey, primary)).toBe('let in')
      await settled()
      clock.advance(20_000)
    }
    expect(
      batches.flat().map(({ secretId, usedAt }) => [secretId, (usedAt - start) / 1000]),
    ).toEqual([
      [key.primary.id, 0],
      [key.primary.id, 60],
    ])
  })

  it('is not recorded for a refused request', async () => {
    const { twinkey, key, primary, batches } = await createWithKey()
    await twinkey.authenticate(sent({ credential: primary, tenant: 'other' }), byHeaders)
    await verdict(twinkey, `${primary.slice(0, -1)}~`)
    await twinkey.keys.disable(key.id)
    await verdict(twinkey, primary)
    await settled()
    expect(batches).toEqual([])
  })

  it('does not delay the decision: its write begins after the answer', async () => {
    const { twinkey, primary, secondary, batches } = await createWithKey()
    await twinkey.keys.verify(secondary)
    await settled()
    batches.length = 0
    expect(decidedNow(twinkey, sent({ credential: primary }), anyTarget)?.ok).toBe(true)
    expect(batches).toEqual([])
    await settled()
    expect(batches).toHaveLength(1)
  })

  it('is batched with uses during a write under way, and one write runs at a time', async () => {
    const { twinkey, spy, inner, primary, secondary, batches } = await createWithKey()
    const more = await twinkey.keys.create(INPUT)
    const gate = createGate()
    let writing = 0
    spy.override({
      recordUse: async (uses) => {
        batches.push(uses)
        expect(++writing).toBe(1)
        await gate.opened
        await inner.recordUse(uses)
        writing--
      },
    })
    await verdict(twinkey, primary)
    await settled()
    await verdict(twinkey, secondary)
    await verdict(twinkey, more.primary)
    await settled()
    expect(batches).toHaveLength(1)
    gate.open()
    await twinkey.close()
    expect(batches.map((uses) => uses.length)).toEqual([1, 2])
  })

  it('is flushed by close, which waits for the write', async () => {
    const { twinkey, spy, inner, clock, key, primary } = await createWithKey()
    spy.override({
      recordUse: async (uses) => {
        await settled()
        await inner.recordUse(uses)
      },
    })
    await twinkey.keys.verify(primary)
    await twinkey.close()
    expect((await inner.get(key.id)) as object).toMatchObject({
      lastUsedAt: { [key.primary.id]: clock.now() },
    })
  })

  it('changes neither the record nor its version', async () => {
    const { twinkey, inner, key, primary } = await createWithKey()
    const before = await inner.get(key.id)
    await twinkey.keys.verify(primary)
    await twinkey.close()
    expect(await inner.get(key.id)).toEqual({
      ...before,
      lastUsedAt: { [key.primary.id]: expect.any(Number) },
    })
  })

  it('restores nothing: a key revoked during the write stays revoked, and a deleted one stays deleted', async () => {
    const { twinkey, spy, inner, key, primary } = await createWithKey()
    const gate = createGate()
    spy.override({ recordUse: async (uses) => gate.opened.then(() => inner.recordUse(uses)) })
    await twinkey.keys.verify(primary)
    await twinkey.keys.revoke(key.id)
    const other = await twinkey.keys.create(INPUT)
    await twinkey.keys.verify(other.primary)
    await twinkey.keys.delete(other.key.id)
    gate.open()
    await twinkey.close()
    expect((await twinkey.keys.get(key.id))?.state).toBe('revoked')
    expect(await twinkey.keys.get(other.key.id)).toBeUndefined()
  })

  it('never goes back with the clock', async () => {
    const { twinkey, clock, key, primary } = await createWithKey()
    await twinkey.keys.verify(primary)
    await twinkey.close()
    const latest = clock.now()
    clock.advance(-30_000)
    expect(await verdict(twinkey, primary)).toBe('let in')
    await twinkey.close()
    expect((await twinkey.keys.get(key.id))?.primary.lastUsedAt).toBe(latest)
  })

  it('is recorded at most once a minute by a node whose clock is behind that of another node', async () => {
    const { twinkey, clock, another, primary, batches } = await createWithKey()
    const behind = another({ now: () => clock.now() - 50_000 })
    await twinkey.keys.verify(primary)
    await settled()
    batches.length = 0
    for (let second = 0; second < 60; second++) {
      await behind.keys.verify(primary)
      await settled()
      clock.advance(1000)
    }
    expect(batches.flat().length).toBeLessThanOrEqual(1)
  })
})
