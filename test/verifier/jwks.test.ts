import type { JWK } from 'jose'
import { generateSigningKey, isTwinkeyError } from 'twinkey'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readSigningKey } from '../../src/core/tokens/signing-key.ts'
import type { JwksSource } from '../../src/verifier/jwks-source.ts'
import { type RemoteKeys, remoteKeys } from '../../src/verifier/remote-keys.ts'
import { createSource, type Source } from '../security/forge-source.ts'
import { type Clock, createClock } from '../support/clock.ts'
import { createGate } from '../support/gate.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DEADLINE = 2000

const [first, second] = [
  published(await generateSigningKey()),
  published(await generateSigningKey('EdDSA')),
]

function published(jwk: JWK): JWK & { kid: string } {
  return readSigningKey(jwk, 'key').publicJwk as JWK & { kid: string }
}

/** A key id that no key has. */
const made = (number: number) => `made-up-${number}`

let source: Source
let clock: Clock
let changes: number
let keys: RemoteKeys

beforeAll(async () => {
  source = await createSource({ keys: [first] })
})
afterAll(() => source.close())
beforeEach(() => {
  source.answer({ keys: [first] })
  clock = createClock()
  changes = 0
  keys = over(source.url)
})

function over(from: JwksSource, deadline = DEADLINE): RemoteKeys {
  return remoteKeys(from, deadline, clock.now, () => changes++)
}

/** The result for a key id: the algorithm of the key, undefined, or the code of the error. */
async function found(kid: string, from = keys): Promise<string | undefined> {
  try {
    return (await from.find(kid))?.algorithm
  } catch (error) {
    if (!isTwinkeyError(error)) throw error
    return error.code
  }
}

/** The number of requests that an action causes, including those in the background. */
async function requestsOf(action: () => Promise<unknown>): Promise<number> {
  const before = source.requests()
  await action()
  await keys.flush()
  return source.requests() - before
}

const down: Parameters<Source['answer']>[0] = (_request, response) =>
  void response.writeHead(500).end()

describe('a JWK set is fetched', () => {
  it('when the first key is needed, and once for concurrent callers', async () => {
    const all: (string | undefined)[] = []
    const requests = await requestsOf(async () => {
      all.push(...(await Promise.all(Array.from({ length: 1000 }, () => found(first.kid)))))
    })
    expect([requests, new Set(all)]).toEqual([1, new Set(['ES256'])])
  })

  it('not at setup, so the issuing API may start later', async () => {
    expect(await requestsOf(async () => over(source.url))).toBe(0)
  })

  it('again when it is four minutes old, and not before', async () => {
    await found(first.kid)
    clock.advance(4 * MINUTE - 1)
    expect(await requestsOf(() => found(first.kid))).toBe(0)
    clock.advance(1)
    expect(await requestsOf(() => found(first.kid))).toBe(1)
    expect(await requestsOf(() => found(first.kid))).toBe(0)
  })

  it('in the background until it is five minutes old, and before the next answer from then on', async () => {
    await found(first.kid)
    source.answer({ keys: [second] })
    clock.advance(5 * MINUTE - 1)
    // Every call, also areUsable(), may start the fetch.
    expect([keys.areUsable(), await found(first.kid)]).toEqual([true, 'ES256'])
    await keys.flush()
    expect(await found(first.kid)).toBeUndefined()
    source.answer({ keys: [first] })
    clock.advance(5 * MINUTE)
    expect(keys.areUsable()).toBe(false)
    await keys.refresh()
    expect([keys.areUsable(), await found(first.kid), await found(second.kid)]).toEqual([
      true,
      'ES256',
      undefined,
    ])
    clock.advance(5 * MINUTE)
    source.answer({ keys: [second] })
    expect([await found(first.kid), await found(second.kid)]).toEqual([undefined, 'EdDSA'])
  })

  it('again when the clock has gone back by five minutes', async () => {
    await found(first.kid)
    clock.advance(-5 * MINUTE)
    expect(await requestsOf(() => found(first.kid))).toBe(1)
  })

  it('at once for an unknown key id if the set is ten seconds old, so a new key is found at its first use', async () => {
    await found(first.kid)
    clock.advance(10_000)
    source.answer({ keys: [first, second] })
    expect(await requestsOf(async () => expect(await found(second.kid)).toBe('EdDSA'))).toBe(1)
    expect([await found(first.kid), changes]).toEqual(['ES256', 0])
  })

  it('once in ten seconds, however many key ids are invented', async () => {
    await found(first.kid)
    const inTenSeconds = async () => {
      for (let number = 0; number < 1000; number++) {
        expect(await found(made(number))).toBeUndefined()
        clock.advance(10)
      }
    }
    // The first ten seconds follow the fetch for the first key.
    expect(await requestsOf(inTenSeconds)).toBe(0)
    expect(await requestsOf(inTenSeconds)).toBe(1)
    expect(await requestsOf(inTenSeconds)).toBe(1)
  })

  it('once for a thousand concurrent invented key ids: none is found, and known key ids do not wait', async () => {
    await found(first.kid)
    clock.advance(10_000)
    const held = createGate()
    source.answer(async (_request, response) => {
      await held.opened
      response.end(JSON.stringify({ keys: [first] }))
    })
    const requests = await requestsOf(async () => {
      const flood = Promise.all(Array.from({ length: 1000 }, (_, number) => found(made(number))))
      expect(await found(first.kid)).toBe('ES256')
      held.open()
      expect(new Set(await flood)).toEqual(new Set([undefined]))
    })
    expect(requests).toBe(1)
  })

  it('without treating inherited property names as key ids', async () => {
    for (const kid of ['__proto__', 'constructor', 'toString', '', 'undefined'])
      expect(await found(kid)).toBeUndefined()
  })
})

describe('a withdrawn key', () => {
  it('is not found after the next fetch, which reports the change', async () => {
    source.answer({ keys: [first, second] })
    expect([await found(first.kid), await found(second.kid), changes]).toEqual([
      'ES256',
      'EdDSA',
      0,
    ])
    source.answer({ keys: [second] })
    clock.advance(5 * MINUTE - 1)
    expect([await found(second.kid), changes]).toEqual(['EdDSA', 0])
    await keys.flush()
    expect([await found(second.kid), await found(first.kid), changes]).toEqual([
      'EdDSA',
      undefined,
      1,
    ])
  })

  it('is not reported if the set is unchanged or has grown', async () => {
    await found(first.kid)
    clock.advance(5 * MINUTE)
    await found(first.kid)
    await keys.flush()
    source.answer({ keys: [second, first] })
    clock.advance(5 * MINUTE)
    await found(first.kid)
    await keys.flush()
    expect([await found(first.kid), await found(second.kid), changes]).toEqual([
      'ES256',
      'EdDSA',
      0,
    ])
  })

  it('verifies for at most one hour while the source is down', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(HOUR - 1)
    expect(await found(first.kid)).toBe('ES256')
    clock.advance(1)
    expect(await found(first.kid)).toBe('jwks_unavailable')
  })
})

describe('while its source is down', () => {
  it('the last set stays in use, and is fetched again every ten seconds', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(5 * MINUTE)
    const requests = await requestsOf(async () => {
      for (let second = 0; second < 60; second++) {
        expect(await found(first.kid)).toBe('ES256')
        await keys.flush()
        clock.advance(1000)
      }
    })
    expect(requests).toBe(6)
  })

  it('one caller waits for a fetch, and the others do not wait for the next half minute and then use its result', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(5 * MINUTE)
    expect([keys.areUsable(), await found(first.kid), keys.areUsable()]).toEqual([
      false,
      'ES256',
      true,
    ])
    const held = createGate()
    const asked = createGate()
    source.answer(async (_request, response) => {
      asked.open()
      await held.opened
      response.end(JSON.stringify({ keys: [second] }))
    })
    expect(keys.flush()).toBeUndefined()
    clock.advance(10_000)
    expect([keys.areUsable(), await found(first.kid)]).toEqual([true, 'ES256'])
    await asked.opened
    clock.advance(29_000)
    expect([keys.areUsable(), await found(first.kid)]).toEqual([true, 'ES256'])
    held.open()
    await keys.flush()
    expect([await found(first.kid), await found(second.kid), changes]).toEqual([
      undefined,
      'EdDSA',
      1,
    ])
  })

  it('after half a minute without a call, the next caller waits for a fetch again', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(5 * MINUTE)
    expect(await found(first.kid)).toBe('ES256')
    source.answer({ keys: [second] })
    clock.advance(30_000)
    expect(keys.areUsable()).toBe(false)
    await keys.refresh()
    expect([await found(first.kid), await found(second.kid)]).toEqual([undefined, 'EdDSA'])
    source.answer(down)
    clock.advance(5 * MINUTE)
    expect(await found(second.kid)).toBe('EdDSA')
    source.answer({ keys: [first] })
    clock.advance(30_000)
    expect([await found(second.kid), await found(first.kid)]).toEqual([undefined, 'ES256'])
  })

  it('a key id that is missing in the last set is unavailable instead of unknown, because it may be new', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(10_000)
    expect([await found(second.kid), await found(made(1))]).toEqual([
      'jwks_unavailable',
      'jwks_unavailable',
    ])
  })

  it('without a first set every key is unavailable, and the next fetch is two seconds later, when callers retry', async () => {
    source.answer(down)
    expect(
      await requestsOf(async () => expect(await found(first.kid)).toBe('jwks_unavailable')),
    ).toBe(1)
    source.answer({ keys: [first] })
    clock.advance(1999)
    expect(
      await requestsOf(async () => expect(await found(first.kid)).toBe('jwks_unavailable')),
    ).toBe(0)
    clock.advance(1)
    expect(await requestsOf(async () => expect(await found(first.kid)).toBe('ES256'))).toBe(1)
  })

  it('a recovery after more than an hour takes effect', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(2 * HOUR)
    expect(await found(first.kid)).toBe('jwks_unavailable')
    source.answer({ keys: [first] })
    clock.advance(2000)
    expect([await found(first.kid), await found(made(1))]).toEqual(['ES256', undefined])
  })

  it('no caller waits longer than the deadline, neither for an answer nor for its end', async () => {
    const slow: Parameters<Source['answer']>[0][] = [
      () => {},
      (_request, response) => void response.write('{"keys":['),
      (_request, response) => {
        const drip = setInterval(
          () => (response.destroyed ? clearInterval(drip) : response.write(' ')),
          20,
        )
      },
    ]
    for (const answer of slow) {
      source.answer(answer)
      const start = performance.now()
      expect(await found(first.kid, over(source.url, 100))).toBe('jwks_unavailable')
      expect(performance.now() - start).toBeLessThan(2000)
    }
    const start = performance.now()
    expect(
      await found(
        first.kid,
        over(() => new Promise(() => {}), 100),
      ),
    ).toBe('jwks_unavailable')
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

it('a request that has not ended by the deadline is aborted', async () => {
  const abandoned = createGate()
  source.answer((_request, response) => void response.on('close', abandoned.open))
  expect(await found(first.kid, over(source.url, 100))).toBe('jwks_unavailable')
  await abandoned.opened
})

describe('a JWK set may be', () => {
  it('an object, and then nothing is fetched', async () => {
    expect(
      await requestsOf(async () =>
        expect(await found(first.kid, over({ keys: [first] }))).toBe('ES256'),
      ),
    ).toBe(0)
  })

  it('a function, which is called as often as a URL is fetched', async () => {
    let calls = 0
    const from = over(async () => {
      calls++
      return { keys: [first] }
    })
    await Promise.all([found(first.kid, from), found(first.kid, from)])
    clock.advance(10_000)
    expect([await found(made(1), from), await found(made(2), from), calls]).toEqual([
      undefined,
      undefined,
      2,
    ])
  })

  it('a function, whose error or invalid answer is jwks_unavailable', async () => {
    const functions: unknown[] = [
      () => {
        throw new Error('no')
      },
      () => Promise.reject(new Error('no')),
      () => Promise.reject(undefined),
      () => undefined,
      () => 'keys',
      () => [first],
    ]
    for (const each of functions)
      expect(await found(first.kid, over(each as JwksSource))).toBe('jwks_unavailable')
  })
})
