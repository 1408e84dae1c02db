import { mock } from 'node:test'
import sinon from 'sinon'
import { createTwinkey, generateSigningKey, memoryStore } from 'twinkey'
import { createVerifier } from 'twinkey/verifier'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AUDIENCE, ISSUER } from '../../support/bench.ts'
import { codeOf, verdict } from '../../support/sent.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const signingKeys = [await generateSigningKey()]

/** Fake timers of a test runner: start them at a time, advance them, and stop them. */
interface FakeTimers {
  on(now?: number): void
  tick(milliseconds: number): void
  off(): void
}

let clock: ReturnType<typeof sinon.useFakeTimers> | undefined
const libraries: [string, FakeTimers][] = [
  [
    'vitest',
    {
      on: (now = 0) =>
        void vi.useFakeTimers({ now, toFake: ['Date', 'setTimeout', 'clearTimeout'] }),
      tick: (milliseconds) => void vi.advanceTimersByTime(milliseconds),
      off: () => void vi.useRealTimers(),
    },
  ],
  [
    'sinon',
    {
      on(now) {
        clock = sinon.useFakeTimers({
          ...(now === undefined ? {} : { now }),
          toFake: ['Date', 'setTimeout', 'clearTimeout'],
        })
      },
      tick: (milliseconds) => void clock?.tick(milliseconds),
      off: () => clock?.restore(),
    },
  ],
  [
    'node:test',
    {
      on: (now) =>
        mock.timers.enable({ apis: ['Date', 'setTimeout'], ...(now === undefined ? {} : { now }) }),
      tick: (milliseconds) => mock.timers.tick(milliseconds),
      off: () => mock.timers.reset(),
    },
  ],
]

describe.each(libraries)('the fake timers of %s', (_name, timers) => {
  // Created before any test starts the fake timers, as in a module of an application.
  const store = memoryStore()
  const tokens = { issuer: ISSUER, audience: AUDIENCE, signingKeys }
  const twinkey = createTwinkey({ store, tokens })
  const givenDateNow = createTwinkey({ store, tokens, now: Date.now })
  const verifier = createVerifier({
    jwks: () => twinkey.tokens.jwks(),
    issuer: ISSUER,
    audience: AUDIENCE,
  })
  const input = (more = {}) => ({
    name: 'n',
    scope: { tenants: ['t'], workflows: '*' as const },
    ...more,
  })
  const issue = async (secret: string, lifetimeSeconds = 3600) => {
    const issued = await twinkey.tokens.issue(secret, { lifetimeSeconds })
    if (!issued.ok) throw new Error(issued.refusal.code)
    return issued
  }
  const verdicts = (secret: string) =>
    Promise.all([verdict(twinkey, secret), verdict(givenDateNow, secret)])

  let start: number
  beforeEach(() => {
    start = Math.ceil(Date.now() / 1000) * 1000 + DAY
  })
  afterEach(() => timers.off())

  it('affect objects that were created before they started', async () => {
    const { primary } = await twinkey.keys.create(input({ expiresAt: start + HOUR }))
    expect(await verdicts(primary)).toEqual(['let in', 'let in'])
    timers.on(start)
    const { token, issuedAt } = await issue(primary, 60)
    expect(issuedAt).toBe(start)
    expect([
      codeOf(await twinkey.tokens.verify(token)),
      codeOf(await verifier.verify(token)),
    ]).toEqual(['let in', 'let in'])
    timers.tick(MINUTE)
    expect([
      codeOf(await twinkey.tokens.verify(token)),
      codeOf(await verifier.verify(token)),
    ]).toEqual(['credential_invalid', 'credential_invalid'])
    timers.tick(HOUR - MINUTE - 1)
    expect(await verdicts(primary)).toEqual(['let in', 'let in'])
    timers.tick(1)
    expect(await verdicts(primary)).toEqual(['credential_invalid', 'credential_invalid'])
  })

  it('have no effect after they stop', async () => {
    const { primary } = await twinkey.keys.create(input({ expiresAt: start + HOUR }))
    timers.on(start)
    timers.tick(2 * HOUR)
    const late = await twinkey.keys.create(input())
    const { token } = await issue(late.primary)
    expect(await verdicts(primary)).toEqual(['credential_invalid', 'credential_invalid'])
    expect([await verdict(twinkey, late.primary), codeOf(await verifier.verify(token))]).toEqual([
      'let in',
      'let in',
    ])
    timers.off()
    expect(await verdicts(primary)).toEqual(['let in', 'let in'])
    expect(await verdicts(late.primary)).toEqual(['let in', 'let in'])
    // A token that was issued in the future is not valid yet.
    expect([
      codeOf(await twinkey.tokens.verify(token)),
      codeOf(await verifier.verify(token)),
    ]).toEqual(['credential_invalid', 'credential_invalid'])
    const { createdAt } = (await twinkey.keys.create(input())).key
    expect(Math.abs(createdAt - Date.now())).toBeLessThan(MINUTE)
  })

  it('may run while a Twinkey is created, and stop afterwards', async () => {
    timers.on(start)
    const made = createTwinkey({ store, tokens })
    const { primary } = await made.keys.create(input({ expiresAt: start + 2 * DAY }))
    expect(await verdict(made, primary)).toBe('let in')
    timers.off()
    expect(await verdict(made, primary)).toBe('let in')
    timers.on(start + 2 * DAY)
    expect(await verdict(made, primary)).toBe('credential_invalid')
  })

  it('may start at the beginning of 1970, as they do by default', async () => {
    const before = await twinkey.keys.create(input())
    timers.on()
    expect(Date.now()).toBe(0)
    expect(await verdicts(before.primary)).toEqual(['let in', 'let in'])
    const { key, primary } = await twinkey.keys.create(input())
    expect([key.createdAt, ...(await verdicts(primary))]).toEqual([0, 'let in', 'let in'])
    const { token } = await issue(primary)
    expect([
      codeOf(await twinkey.tokens.verify(token)),
      codeOf(await verifier.verify(token)),
    ]).toEqual(['let in', 'let in'])
    await twinkey.keys.rotate((await twinkey.keys.create(input({ secondary: false }))).key.id, {
      graceSeconds: 60,
    })
    await twinkey.keys.revoke(key.id)
    expect([await verdict(twinkey, primary), (await twinkey.keys.get(key.id))?.state]).toEqual([
      'credential_invalid',
      'revoked',
    ])
    expect(await verdict(createTwinkey({ store, tokens }), before.primary)).toBe('let in')
    timers.tick(HOUR)
    expect([
      codeOf(await twinkey.tokens.verify(token)),
      codeOf(await verifier.verify(token)),
    ]).toEqual(['credential_invalid', 'credential_invalid'])
  })

  it('trigger the deadline of a store that does not answer', async () => {
    const hanging = createTwinkey({ store: { ...memoryStore(), get: () => new Promise(() => {}) } })
    const { primary } = await twinkey.keys.create(input())
    timers.on(start)
    const waiting = verdict(hanging, primary)
    // Twinkey sets the deadline a few microtasks later.
    for (let i = 0; i < 20; i++) await Promise.resolve()
    timers.tick(2000)
    expect(await waiting).toBe('unavailable')
  })
})

it.each([undefined, Number.NaN, 'now', -1])(
  'a Date.now that returns %s admits no request',
  async (time) => {
    const twinkey = createTwinkey()
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const broken = vi.spyOn(Date, 'now').mockReturnValue(time as number)
    try {
      await expect(twinkey.keys.verify(primary)).rejects.toThrow(
        'now must return epoch milliseconds',
      )
    } finally {
      broken.mockRestore()
    }
  },
)
