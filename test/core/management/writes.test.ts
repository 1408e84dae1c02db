import { type KeyStore, memoryStore } from 'twinkey'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { verdict } from '../../support/sent.ts'

const INPUT = { name: 'n', owner: 'ada', scope: { tenants: ['t'], workflows: '*' } } as const
const down = () => Promise.reject(new Error('connection reset'))

function createBenchOver(inner: KeyStore = memoryStore()) {
  return { ...createBench({ store: inner }), inner }
}

describe('a write that fails but is stored', () => {
  it.each(['reset', 'timed out', 'answered with garbage'])('succeeds: it %s', async (how) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { twinkey, spy, inner } = createBenchOver()
    const lossy: KeyStore['put'] = async (next, expectedVersion, entry) => {
      const answer = await inner.put(next, expectedVersion, entry)
      if (how === 'reset') throw new Error('connection reset')
      if (how === 'timed out') return new Promise(() => {})
      return `${answer}!` as 'stored'
    }
    const through = async <T>(call: Promise<T>): Promise<T> => {
      const done = call.finally(() => {})
      await vi.advanceTimersByTimeAsync(2000)
      return done
    }
    spy.override({ put: lossy })
    const { key, primary, secondary } = await through(twinkey.keys.create(INPUT))
    spy.override({})
    expect([await verdict(twinkey, primary), await verdict(twinkey, secondary as string)]).toEqual([
      'let in',
      'let in',
    ])
    spy.override({ put: lossy })
    const { primary: secret } = await through(twinkey.keys.renew(key.id, { slots: 'primary' }))
    expect((await through(twinkey.keys.revoke(key.id))).state).toBe('revoked')
    spy.override({})
    expect([await verdict(twinkey, secret), await verdict(twinkey, primary)]).toEqual([
      'credential_invalid',
      'credential_invalid',
    ])
    vi.useRealTimers()
  })
})

describe('a write that fails and is not stored', () => {
  it('is repeated once, and succeeds if the second attempt does', async () => {
    const { twinkey, spy, inner } = createBenchOver()
    const { key, primary } = await twinkey.keys.create(INPUT)
    let writes = 0
    spy.override({
      put: (next, expectedVersion, entry) =>
        ++writes === 1 ? down() : inner.put(next, expectedVersion, entry),
    })
    const { primary: secret } = await twinkey.keys.renew(key.id, { slots: 'primary' })
    expect([await verdict(twinkey, secret), await verdict(twinkey, primary)]).toEqual([
      'let in',
      'credential_invalid',
    ])
    expect(writes).toBe(2)
  })

  it('is outcome_unknown if the second attempt fails too, as it may still be stored', async () => {
    const { twinkey, spy } = createBenchOver()
    const { key, primary } = await twinkey.keys.create(INPUT)
    spy.override({ put: down })
    expect(await errorCodeOf(twinkey.keys.renew(key.id, { slots: 'primary' }))).toBe(
      'outcome_unknown',
    )
    expect(await errorCodeOf(twinkey.keys.rotate(key.id, { replace: 'secondary' }))).toBe(
      'outcome_unknown',
    )
    expect(await errorCodeOf(twinkey.keys.update(key.id, { name: 'm' }))).toBe('outcome_unknown')
    expect(await errorCodeOf(twinkey.keys.create(INPUT))).toBe('outcome_unknown')
    expect(await verdict(twinkey, primary)).toBe('let in')
  })

  it('says so, with the error of the store as its cause', async () => {
    const { twinkey, spy } = createBenchOver()
    const { key } = await twinkey.keys.create(INPUT)
    spy.override({ put: down, delete: down })
    const message =
      'The store failed during the write, so the change may or may not have been made. Read the key when the store is back.'
    for (const call of [
      twinkey.keys.update(key.id, { name: 'm' }),
      twinkey.keys.delete(key.id),
      twinkey.keys.create(INPUT),
    ]) {
      const fault: unknown = await call.catch((error: unknown) => error)
      expect(fault).toMatchObject({
        code: 'outcome_unknown',
        message: `${message} The store failed: connection reset`,
        cause: expect.anything(),
      })
    }
  })

  it('is outcome_unknown if the read after it finds another write', async () => {
    const { twinkey, spy, inner } = createBenchOver()
    const other = createBench({ store: inner }).twinkey
    const { key } = await twinkey.keys.create(INPUT)
    let writes = 0
    spy.override({
      put: async (next, expectedVersion, entry) => {
        if (++writes > 1) return inner.put(next, expectedVersion, entry)
        await other.keys.update(key.id, { name: 'theirs' })
        throw new Error('connection reset')
      },
    })
    expect(await errorCodeOf(twinkey.keys.update(key.id, { name: 'ours' }))).toBe('outcome_unknown')
    expect((await twinkey.keys.get(key.id))?.name).toBe('theirs')
  })
})

describe('a write that cannot be checked by a read', () => {
  const calls = [
    'create',
    'update',
    'enable',
    'disable',
    'rotate',
    'renew',
    'revoke',
    'delete',
  ] as const

  it.each(calls)('is outcome_unknown, never store_unavailable: %s', async (name) => {
    const { twinkey, spy, inner } = createBenchOver()
    const { key } = await twinkey.keys.create({ ...INPUT, secondary: false })
    if (name === 'enable') await twinkey.keys.disable(key.id)
    let wrote = false
    const failing = () => {
      wrote = true
      return down()
    }
    spy.override({ put: failing, delete: failing, get: (id) => (wrote ? down() : inner.get(id)) })
    const { keys } = twinkey
    const run: Record<(typeof calls)[number], () => Promise<unknown>> = {
      create: () => keys.create(INPUT),
      update: () => keys.update(key.id, { name: 'm' }),
      enable: () => keys.enable(key.id),
      disable: () => keys.disable(key.id),
      rotate: () => keys.rotate(key.id),
      renew: () => keys.renew(key.id, { slots: 'primary' }),
      revoke: () => keys.revoke(key.id),
      delete: () => keys.delete(key.id),
    }
    expect(await errorCodeOf(run[name])).toBe('outcome_unknown')
    expect(wrote).toBe(true)
  })

  it.each(calls.filter((name) => name !== 'create'))(
    'is store_unavailable only if nothing was written: %s',
    async (name) => {
      const { twinkey, spy } = createBenchOver()
      const { key } = await twinkey.keys.create(INPUT)
      spy.override({ get: down })
      const { keys } = twinkey
      const run = {
        update: () => keys.update(key.id, { name: 'm' }),
        enable: () => keys.enable(key.id),
        disable: () => keys.disable(key.id),
        rotate: () => keys.rotate(key.id),
        renew: () => keys.renew(key.id, { slots: 'primary' }),
        revoke: () => keys.revoke(key.id),
        delete: () => keys.delete(key.id),
      }
      expect(await errorCodeOf(run[name as keyof typeof run])).toBe('store_unavailable')
      expect(spy.calls.put).toBe(1)
    },
  )
})

describe('a write that rejects with not_written', () => {
  const refused = () =>
    Promise.reject(Object.assign(new Error('Call migrate() first.'), { code: 'not_written' }))
  const plain = { code: 'store_unavailable', message: 'The store failed: Call migrate() first.' }

  it('is store_unavailable with the message of the store, and is not repeated', async () => {
    const { twinkey, spy } = createBenchOver()
    const { key } = await twinkey.keys.create({ ...INPUT, secondary: false })
    spy.override({ put: refused, delete: refused })
    const { keys } = twinkey
    const calls = [
      () => keys.create(INPUT),
      () => keys.update(key.id, { name: 'm' }),
      () => keys.disable(key.id),
      () => keys.rotate(key.id),
      () => keys.renew(key.id, { slots: 'primary' }),
      () => keys.revoke(key.id),
      () => keys.delete(key.id),
      () => keys.revokeAll({ owner: 'ada' }),
    ]
    for (const call of calls) {
      const before = spy.calls.put + spy.calls.delete
      await expect(call()).rejects.toMatchObject(plain)
      expect(spy.calls.put + spy.calls.delete - before).toBe(1)
    }
  })

  it.each(['revoke', 'delete'] as const)(
    'is outcome_unknown if an earlier attempt may have been stored: %s',
    async (name) => {
      const { twinkey, spy, inner } = createBenchOver()
      const { key } = await twinkey.keys.create(INPUT)
      let writes = 0
      // The first attempt and its repetition are lost. Only then does the store say that it cannot
      // write.
      const write = () => (++writes <= (name === 'revoke' ? 2 : 1) ? down() : refused())
      spy.override({ put: write, delete: write, get: (id) => inner.get(id) })
      expect(await errorCodeOf(twinkey.keys[name](key.id))).toBe('outcome_unknown')
      expect(writes).toBeGreaterThan(2)
    },
  )

  it('does not hide that an earlier write was stored and its answer lost', async () => {
    const { twinkey, spy, inner } = createBenchOver()
    const { key } = await twinkey.keys.create(INPUT)
    let writes = 0
    spy.override({
      put: async (next, expectedVersion, entry) =>
        ++writes === 1 ? inner.put(next, expectedVersion, entry).then(down) : refused(),
      get: (id) => (writes === 0 ? inner.get(id) : down()),
    })
    expect(await errorCodeOf(twinkey.keys.update(key.id, { name: 'm' }))).toBe('outcome_unknown')
    expect((await inner.get(key.id)) as { name?: string }).toMatchObject({ name: 'm' })
  })
})

describe('a store that reads but cannot write', () => {
  it.each(['revoke', 'disable', 'delete'] as const)(
    'makes %s fail early: the failure is not a conflict, and is not retried a thousand times',
    async (name) => {
      const { twinkey, spy } = createBenchOver()
      const { key } = await twinkey.keys.create(INPUT)
      spy.override({ put: down, delete: down })
      expect(await errorCodeOf(twinkey.keys[name](key.id))).toBe('outcome_unknown')
      expect(spy.calls.put + spy.calls.delete).toBeLessThan(20)
    },
  )

  describe('because it hangs', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
    afterEach(() => void vi.useRealTimers())

    it('does not keep revoke waiting for minutes', async () => {
      const { twinkey, spy } = createBenchOver()
      const { key } = await twinkey.keys.create(INPUT)
      spy.override({ put: () => new Promise(() => {}) })
      let outcome: string | undefined
      const waiting = errorCodeOf(twinkey.keys.revoke(key.id)).then((code) => {
        outcome = code
      })
      await vi.advanceTimersByTimeAsync(60_000)
      expect(outcome).toBe('outcome_unknown')
      await waiting
    })
  })
})

describe('a store that always reports a conflict', () => {
  it.each(['conflict', 'missing'] as const)(
    'does not make create retry forever: %s',
    async (answer) => {
      const { twinkey, spy } = createBenchOver()
      spy.override({
        put: async () => {
          // Ends an endless loop, so that the test fails instead of hanging.
          if (spy.calls.put > 2000) throw new Error('enough')
          return answer
        },
      })
      await errorCodeOf(twinkey.keys.create(INPUT))
      expect(spy.calls.put).toBeLessThan(50)
    },
  )

  it('makes update fail with version_conflict at once', async () => {
    const { twinkey, spy } = createBenchOver()
    const { key } = await twinkey.keys.create(INPUT)
    spy.override({ put: async () => 'conflict' })
    expect(await errorCodeOf(twinkey.keys.update(key.id, { name: 'm' }))).toBe('version_conflict')
    expect(spy.calls.put).toBe(2)
  })

  it.each([
    ['conflict', 'Another change to this key came first. Read the key again and decide anew.'],
    ['missing', 'There is no key with this id.'],
  ] as const)('causes a message that says what to do: %s', async (answer, message) => {
    const { twinkey, spy } = createBenchOver()
    const { key } = await twinkey.keys.create(INPUT)
    spy.override({ put: async () => answer })
    await expect(twinkey.keys.update(key.id, { name: 'm' })).rejects.toMatchObject({ message })
  })

  it('makes a change key_not_found if the key was deleted meanwhile', async () => {
    const { twinkey, spy } = createBenchOver()
    const { key } = await twinkey.keys.create(INPUT)
    spy.override({ put: async () => 'missing' })
    expect(await errorCodeOf(twinkey.keys.update(key.id, { name: 'm' }))).toBe('key_not_found')
    expect(await errorCodeOf(twinkey.keys.revoke(key.id))).toBe('key_not_found')
  })
})
