import { runInNewContext } from 'node:vm'
import { createTwinkey, type TwinkeyOptions } from 'twinkey'
import type { SecretUse } from 'twinkey/store'
import { requireAuth } from 'twinkey/web'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isPlainObject } from '../../../src/core/model/checks.ts'
import { createBench } from '../../support/bench.ts'
import { createGate, settled } from '../../support/gate.ts'
import { anyTarget, decidedNow, sent, verdict } from '../../support/sent.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const
const unhandled = vi.fn()

beforeEach(() => void process.on('unhandledRejection', unhandled.mockReset()))
afterEach(async () => {
  vi.useRealTimers()
  await settled()
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

describe('a listener that returns a promise of another realm', () => {
  // Such a promise is not an instanceof the local Promise.
  const ForeignPromise = runInNewContext('Promise') as PromiseConstructor

  it('affects nothing when it rejects', async () => {
    const { twinkey } = createBench({ onEvent: () => ForeignPromise.reject(new Error('listener')) })
    const { key, primary } = await twinkey.keys.create(INPUT)
    expect(await verdict(twinkey, primary)).toBe('let in')
    await twinkey.keys.revoke(key.id)
    expect(await verdict(twinkey, primary)).toBe('credential_invalid')
    await settled()
  })

  it('is awaited by flush, however it settles', async () => {
    for (const end of ['resolve', 'reject'] as const) {
      const gate = createGate()
      const { twinkey } = createBench({
        onEvent: () =>
          new ForeignPromise<void>((resolve, reject) => {
            gate.opened.then(() => (end === 'resolve' ? resolve() : reject(new Error('listener'))))
          }),
      })
      await twinkey.keys.create(INPUT)
      let done = false
      const pending = twinkey.flush()?.then(() => {
        done = true
      })
      expect(pending).toBeInstanceOf(Promise)
      await settled()
      expect(done).toBe(false)
      gate.open()
      await pending
      expect(done).toBe(true)
      await settled()
      expect(twinkey.flush()).toBeUndefined()
    }
  })

  it('affects nothing if it only looks like a promise', async () => {
    const odd = [
      runInNewContext('({ then: 7 })'),
      runInNewContext('({ get then() { throw 1 } })'),
      runInNewContext('({ then() { throw 1 } })'),
    ]
    for (const each of odd) {
      const { twinkey } = createBench({ onEvent: () => each })
      const { primary } = await twinkey.keys.create(INPUT)
      expect(await verdict(twinkey, primary)).toBe('let in')
    }
  })
})

describe('a clock that does not return a number', () => {
  const broken = [Number.NaN, Number.POSITIVE_INFINITY, undefined, 'now'] as const

  it.each(broken)('is refused by createTwinkey: %s', (time) => {
    expect(() => createTwinkey({ now: (() => time) as () => number })).toThrow(
      /now must return epoch milliseconds/,
    )
  })

  it.each(broken)('is an error that admits no request, if it breaks later: %s', async (time) => {
    let at: unknown = Date.UTC(2026, 0, 1)
    const twinkey = createTwinkey({ now: () => at as number })
    const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: Date.UTC(2026, 0, 2) })
    const request = sent({ credential: primary })
    expect(await verdict(twinkey, primary)).toBe('let in')
    at = time
    await expect(twinkey.authenticate(request, anyTarget)).rejects.toThrow(TypeError)
    expect(() => decidedNow(twinkey, request, anyTarget)).toThrow(TypeError)
    await expect(twinkey.keys.verify(primary)).rejects.toThrow(TypeError)
    await expect(twinkey.tokens.issue(primary)).rejects.toThrow(TypeError)
    const handler = vi.fn(() => new Response())
    const web = new Request('http://localhost/', {
      headers: { authorization: `Bearer ${primary}` },
    })
    await expect(requireAuth(twinkey, anyTarget, handler)(web)).rejects.toThrow(TypeError)
    expect(handler).not.toHaveBeenCalled()
    at = Date.UTC(2026, 0, 1) + 0.5
    expect(await verdict(twinkey, primary)).toBe('let in')
  })
})

describe('a write of last uses that never settles', () => {
  it('does not block later writes forever', async () => {
    // The host has ended the pending work and its timers.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { twinkey, spy, clock } = createBench()
    const { key, primary, secondary } = await twinkey.keys.create(INPUT)
    const batches: (readonly SecretUse[])[] = []
    spy.override({
      recordUse: (uses) =>
        batches.push(uses) === 1 ? new Promise(() => {}) : spy.inner.recordUse(uses),
    })
    const use = async (secret: string | null) => {
      expect((await twinkey.keys.verify(secret as string)).ok).toBe(true)
      await settled()
    }
    await use(primary)
    clock.advance(119_999)
    await use(secondary)
    expect(batches).toHaveLength(1)
    clock.advance(1)
    await use(primary)
    expect(batches.slice(1)).toEqual([
      [
        { keyId: key.id, secretId: key.secondary?.id, usedAt: clock.now() - 1 },
        { keyId: key.id, secretId: key.primary.id, usedAt: clock.now() },
      ],
    ])
    expect(twinkey.flush()).toBeUndefined()
    expect(await twinkey.keys.get(key.id)).toMatchObject({ primary: { lastUsedAt: clock.now() } })
    clock.advance(60_000)
    await use(primary)
    expect(batches).toHaveLength(3)
  })
})

describe('objects of another realm', () => {
  const foreign = (text: string): unknown => runInNewContext(`(${text})`)

  it.each(['{}', '{ a: 1 }', 'JSON.parse("{}")', 'Object.create(null)'])(
    'are plain like local ones: %s',
    (text) => {
      expect(isPlainObject(foreign(text))).toBe(true)
    },
  )

  it.each([
    '[]',
    'new Map()',
    'new Date()',
    'new (class A { a = 1 })()',
    'new Error("e")',
    '() => {}',
    'null',
    '"text"',
    'Object("text")',
  ])('are not plain, like local ones: %s', (text) => {
    expect(isPlainObject(foreign(text))).toBe(false)
  })

  it('are valid options, inputs and metadata', async () => {
    const { keys } = createTwinkey(
      foreign('{ prefixes: ["acme"], cache: { maxAgeSeconds: 1 } }') as TwinkeyOptions,
    )
    const made = foreign(
      '{ name: "n", scope: { tenants: ["t"], workflows: "*" }, metadata: { plan: { seats: 3 } } }',
    ) as typeof INPUT
    expect((await keys.create(made)).key.metadata).toEqual({ plan: { seats: 3 } })
  })

  it('are valid answers of a store, which may clone values in another realm', async () => {
    const { twinkey, spy } = createBench()
    const clone = runInNewContext('(text) => text && JSON.parse(text)') as (
      text: string | undefined,
    ) => never
    spy.override({
      get: async (id) => clone(JSON.stringify(await spy.inner.get(id))),
      put: async (next, expectedVersion, entry) =>
        spy.inner.put(
          clone(JSON.stringify(next)),
          expectedVersion,
          clone(entry && JSON.stringify(entry)),
        ),
      list: async (query) => clone(JSON.stringify(await spy.inner.list(query))),
    })
    const { key, primary } = await twinkey.keys.create({
      ...INPUT,
      metadata: { plan: { seats: 3 } },
    })
    expect(await verdict(twinkey, primary)).toBe('let in')
    expect((await twinkey.keys.list()).keys.map(({ id }) => id)).toEqual([key.id])
    expect((await twinkey.keys.get(key.id))?.metadata).toEqual({ plan: { seats: 3 } })
  })
})
