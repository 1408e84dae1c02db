import { from, memoryStore, type Requirement, type Throttle, type WireRequest } from 'twinkey'
import { createVerifier } from 'twinkey/verifier'
import { describe, expect, it, vi } from 'vitest'
import { mintId, mintSecret } from '../../../src/core/secrets/secret.ts'
import { CheckedRequirement } from '../../../src/guard/requirement.ts'
import { AUDIENCE, createBench, ISSUER } from '../../support/bench.ts'
import { anyTarget, codeOf, decidedNow, sent } from '../../support/sent.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const
const HERE = '192.0.2.1'
const unknown = () => mintSecret('tk', mintId())

/** A throttle whose answers the test sets, and that records its calls. */
function createThrottle(more: Partial<Throttle<WireRequest>> = {}) {
  const asked: string[] = []
  const failed: string[] = []
  let seconds: number | undefined
  const throttle: Throttle<WireRequest> = {
    retryAfterSeconds(peer) {
      asked.push(peer)
      return seconds
    },
    failed: (peer) => failed.push(peer),
    ...more,
  }
  return {
    throttle,
    asked,
    failed,
    answer: (next: number | undefined) => {
      seconds = next
    },
  }
}

function createScene(more?: Partial<Throttle<WireRequest>>, requirement: Requirement = anyTarget) {
  // Without a feed, so a node sees the changes of another one when its cached record has aged.
  const { watch: _feed, ...store } = memoryStore()
  const bench = createBench({ deadlineSeconds: 1, store })
  const counter = createThrottle(more)
  const demand = { ...requirement, throttle: counter.throttle }
  const from = (peer: string | undefined, credential?: string): WireRequest => ({
    ...sent({ credential }),
    peer,
  })
  const send = (credential?: string, peer: string | undefined = HERE) =>
    bench.twinkey.authenticate(from(peer, credential), demand)
  const warnings = () => bench.events.filter(({ type }) => type === 'warning.throttle_unavailable')
  return {
    ...bench,
    ...counter,
    demand,
    from,
    send,
    warnings,
    verdict: async (credential?: string) => codeOf(await send(credential)),
  }
}

describe('a throttle', () => {
  it('is notified of each invalid credential, with the peer, before the answer', async () => {
    const { verdict, failed, asked } = createScene()
    expect(await verdict(unknown())).toBe('credential_invalid')
    expect(await verdict('tk_typo')).toBe('credential_invalid')
    expect([asked, failed]).toEqual([
      [HERE, HERE],
      [HERE, HERE],
    ])
  })

  it('is not notified of any other refusal, nor of a request that is let in', async () => {
    const { verdict, twinkey, spy, failed, send } = createScene(
      {},
      { tenant: from.header('x-tenant', { optional: true }) },
    )
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['a', 'b'], workflows: '*' },
    })
    expect(await verdict()).toBe('credential_missing')
    expect(await verdict(primary)).toBe('target_missing')
    const { primary: single } = await twinkey.keys.create(INPUT)
    expect(await verdict(single)).toBe('let in')
    spy.override({ get: () => Promise.reject(new Error('down')) })
    expect(await verdict(unknown())).toBe('unavailable')
    expect(codeOf(await send('"'))).toBe('credential_malformed')
    expect(failed).toEqual([])
  })

  it('that tells a peer to wait causes rate_limited, with no store call and no counted failure', async () => {
    const { send, verdict, answer, spy, failed, events } = createScene()
    answer(12.2)
    const refusal = { code: 'rate_limited', retryAfterSeconds: 13 }
    for (const credential of [unknown(), 'tk_typo', '"', ' "'])
      expect(await send(credential)).toMatchObject({ ok: false, refusal })
    expect([spy.calls.get, failed]).toEqual([0, []])
    expect(events.at(-1)).toMatchObject({
      type: 'access.refused',
      code: 'rate_limited',
      reason: undefined,
      keyId: undefined,
    })
    expect(await verdict()).toBe('credential_missing')
    answer(0)
    expect(await verdict(unknown())).toBe('credential_invalid')
  })

  it('applies to a credential of a kind that the route does not accept, even if its key is active', async () => {
    const { twinkey, from, demand, answer, failed } = createScene(
      {},
      { ...anyTarget, accept: ['token'] },
    )
    const { primary } = await twinkey.keys.create(INPUT)
    const request = {
      ...from(HERE),
      header: (name: string) => (name === 'x-api-key' ? primary : undefined),
    }
    expect(codeOf(await twinkey.authenticate(request, demand))).toBe('credential_invalid')
    answer(60)
    expect(codeOf(await twinkey.authenticate(request, demand))).toBe('rate_limited')
    expect(failed).toEqual([HERE])
  })

  it('is not asked about a credential known to be active, even after its cached record has aged', async () => {
    const { send, twinkey, from, demand, verdict, answer, asked, clock, spy } = createScene()
    const { primary, secondary } = await twinkey.keys.create(INPUT)
    expect(await verdict(primary)).toBe('let in')
    const issued = await twinkey.tokens.issue(primary)
    const token = issued.ok ? issued.token : ''
    expect(await verdict(token)).toBe('let in')
    answer(60)
    asked.length = 0
    expect(decidedNow(twinkey, from(HERE, primary), demand)?.ok).toBe(true)
    for (const credential of [primary, secondary ?? '', token]) {
      clock.advance(600_000)
      const before = spy.calls.get
      expect(await verdict(credential)).toBe('let in')
      expect([asked, spy.calls.get - before]).toEqual([[], 1])
    }
    // A wrong secret for the same id is not known to be active.
    expect(await send(mintSecret('tk', primary.slice(3, 19)))).toMatchObject({
      refusal: { code: 'rate_limited' },
    })
  })

  it('is asked about a key known to be inactive, and is notified of its failures', async () => {
    const { verdict, another, twinkey, answer, clock, failed, spy } = createScene()
    const { key, primary } = await twinkey.keys.create(INPUT)
    expect(await verdict(primary)).toBe('let in')
    await another().keys.revoke(key.id)
    clock.advance(6000)
    answer(60)
    expect(await verdict(primary)).toBe('credential_invalid')
    expect(failed).toEqual([HERE])
    clock.advance(6000)
    const before = spy.calls.get
    expect(await verdict(primary)).toBe('rate_limited')
    expect(spy.calls.get).toBe(before)
  })

  it('delays a token before its signature is checked, unless the token was let in before', async () => {
    const { verdict, twinkey, answer } = createScene()
    const { primary } = await twinkey.keys.create(INPUT)
    const issued = await twinkey.tokens.issue(primary)
    answer(60)
    expect(await verdict(issued.ok ? issued.token : '')).toBe('rate_limited')
    answer(undefined)
    expect(await verdict(issued.ok ? issued.token : '')).toBe('let in')
    answer(60)
    expect(await verdict(issued.ok ? issued.token : '')).toBe('let in')
  })

  it('of a verifier is not asked about a token that was let in before, even if the keys must be fetched again', async () => {
    const { twinkey, clock, throttle, answer } = createScene()
    const { primary } = await twinkey.keys.create(INPUT)
    const tokens = [await twinkey.tokens.issue(primary), await twinkey.tokens.issue(primary)].map(
      (issued) => (issued.ok ? issued.token : ''),
    )
    let got = 0
    const jwks = async () => {
      got++
      return twinkey.tokens.jwks()
    }
    const verifier = createVerifier({ jwks, issuer: ISSUER, audience: AUDIENCE, now: clock.now })
    const demand = new CheckedRequirement({ ...anyTarget, throttle })
    const verdictOf = async (credential = '') =>
      codeOf(await verifier.authenticate({ ...sent({ credential }), peer: HERE }, demand))
    expect(await verdictOf(tokens[0])).toBe('let in')
    clock.advance(600_000)
    answer(60)
    expect([await verdictOf(tokens[1]), got]).toEqual(['rate_limited', 1])
    expect([await verdictOf(tokens[0]), got]).toEqual(['let in', 2])
  })

  it('never delays an unknown peer', async () => {
    const { send, answer, asked } = createScene()
    answer(60)
    expect(codeOf(await send(unknown(), ''))).toBe('credential_invalid')
    const { throttle } = createThrottle({ peer: () => 7, retryAfterSeconds: () => 60 })
    const { twinkey } = createBench()
    expect(
      codeOf(
        await twinkey.authenticate(sent({ credential: unknown() }), { ...anyTarget, throttle }),
      ),
    ).toBe('credential_invalid')
    expect(asked).toEqual([])
  })

  it('replaces the peer of the host if it has a `peer` method', async () => {
    const { send, asked } = createScene({
      peer: (request) => from.header('x-tenant')(request) ?? '198.51.100.7',
    })
    await send(unknown())
    expect(asked).toEqual(['198.51.100.7'])
  })

  it('is not notified of a credential that an optional guard ignores', async () => {
    const { verdict, asked, failed, answer } = createScene({}, { ...anyTarget, optional: true })
    answer(60)
    expect(await verdict('of-another-scheme')).toBe('let in')
    expect([asked, failed]).toEqual([[], []])
    expect(await verdict('tk_typo')).toBe('rate_limited')
  })

  it('keeps its `this`', async () => {
    class Counter {
      readonly failures: string[] = []
      retryAfterSeconds(): number | undefined {
        return this.failures.length > 0 ? 5 : undefined
      }
      failed(peer: string): void {
        this.failures.push(peer)
      }
      peer(): string {
        return `${HERE}/${this.failures.length}`
      }
    }
    const throttle = new Counter()
    const { twinkey } = createBench()
    const codes = []
    for (let i = 0; i < 2; i++)
      codes.push(
        codeOf(
          await twinkey.authenticate(sent({ credential: 'tk_typo' }), { ...anyTarget, throttle }),
        ),
      )
    expect([codes, throttle.failures]).toEqual([
      ['credential_invalid', 'rate_limited'],
      [`${HERE}/0`],
    ])
  })
})

describe('a failing throttle never affects a decision', () => {
  it.each<[string, Partial<Throttle<WireRequest>>, number]>([
    ['throws', { retryAfterSeconds: thrown, failed: thrown }, 2],
    [
      'rejects',
      { retryAfterSeconds: () => Promise.reject(new Error('down')), failed: async () => thrown() },
      2,
    ],
    ['answers what is no number', { retryAfterSeconds: () => '60' as unknown as number }, 1],
    ['answers NaN', { retryAfterSeconds: async () => Number.NaN }, 1],
    ['cannot tell the peer', { peer: thrown, retryAfterSeconds: () => 60 }, 1],
  ])('it %s', async (_, more, count) => {
    const { verdict, twinkey, warnings } = createScene(more)
    expect(await verdict(unknown())).toBe('credential_invalid')
    expect(warnings()).toHaveLength(count)
    expect(warnings()[0]).toMatchObject({
      error: expect.any(Error),
      message: expect.stringContaining('decided without it'),
    })
    const { primary } = await twinkey.keys.create(INPUT)
    expect(await verdict(primary)).toBe('let in')
  })

  it('it never answers: each call has a deadline', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const hanging = () => new Promise<never>(() => {})
    const { verdict, warnings } = createScene({ retryAfterSeconds: hanging, failed: hanging })
    const deciding = verdict(unknown())
    await vi.advanceTimersByTimeAsync(2000)
    vi.useRealTimers()
    expect(await deciding).toBe('credential_invalid')
    expect(warnings()).toMatchObject([
      { error: { code: 'throttle_unavailable' } },
      { error: { code: 'throttle_unavailable' } },
    ])
  })

  it('it returns Infinity, and Retry-After is capped at one day', async () => {
    const { send } = createScene({ retryAfterSeconds: () => Number.POSITIVE_INFINITY })
    expect(await send(unknown())).toMatchObject({ refusal: { retryAfterSeconds: 86_400 } })
  })
})

describe('a requirement with a throttle', () => {
  const { throttle } = createThrottle()
  it.each<[unknown, string]>([
    [null, 'methods retryAfterSeconds'],
    [true, 'methods retryAfterSeconds'],
    [() => 5, 'methods retryAfterSeconds'],
    [{ failed: () => {} }, 'methods retryAfterSeconds'],
    [{ retryAfterSeconds: () => 5 }, 'methods retryAfterSeconds'],
    [{ ...throttle, peer: 'x-forwarded-for' }, "from.header('cf-connecting-ip')"],
  ])('that is invalid, %o, is refused when the route is created', async (given, message) => {
    const { twinkey } = createBench()
    const decision = twinkey.authenticate(sent({}), {
      ...anyTarget,
      throttle: given as Throttle<WireRequest>,
    })
    await expect(decision).rejects.toThrow(message)
  })
})

function thrown(): never {
  throw new Error('down')
}
