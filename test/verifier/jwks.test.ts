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

/** A name that is nobody's. */
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

/** What is found under a name: the algorithm of the key, nothing, or the code of the fault. */
async function found(kid: string, from = keys): Promise<string | undefined> {
  try {
    return (await from.find(kid))?.algorithm
  } catch (error) {
    if (!isTwinkeyError(error)) throw error
    return error.code
  }
}

/** How many requests an action makes, those behind it among them. */
async function requestsOf(action: () => Promise<unknown>): Promise<number> {
  const before = source.requests()
  await action()
  await keys.flush()
  return source.requests() - before
}

const down: Parameters<Source['answer']>[0] = (_request, response) =>
  void response.writeHead(500).end()

describe('a JWK set is asked for', () => {
  it('when the first key is wanted, and by many at once only once', async () => {
    const all: (string | undefined)[] = []
    const requests = await requestsOf(async () => {
      all.push(...(await Promise.all(Array.from({ length: 1000 }, () => found(first.kid)))))
    })
    expect([requests, new Set(all)]).toEqual([1, new Set(['ES256'])])
  })

  it('not when it is set up, so that the API that issues may start later', async () => {
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

  it('behind a request until it is five minutes old, and then before anything is found', async () => {
    await found(first.kid)
    source.answer({ keys: [second] })
    clock.advance(5 * MINUTE - 1)
    // By whom it is seen that it is due makes no difference.
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

  it('again at a key id that it does not have, at once where it is ten seconds old: a new key is found on first sight', async () => {
    await found(first.kid)
    clock.advance(10_000)
    source.answer({ keys: [first, second] })
    expect(await requestsOf(async () => expect(await found(second.kid)).toBe('EdDSA'))).toBe(1)
    expect([await found(first.kid), changes]).toEqual(['ES256', 0])
  })

  it('once in ten seconds, whatever key ids are made up', async () => {
    await found(first.kid)
    const inTenSeconds = async () => {
      for (let number = 0; number < 1000; number++) {
        expect(await found(made(number))).toBeUndefined()
        clock.advance(10)
      }
    }
    // The first ten seconds are those of the request for the first key.
    expect(await requestsOf(inTenSeconds)).toBe(0)
    expect(await requestsOf(inTenSeconds)).toBe(1)
    expect(await requestsOf(inTenSeconds)).toBe(1)
  })

  it('once for a thousand made-up key ids at the same time, of which none is found, and known ones do not wait for it', async () => {
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

  it('by no name that objects have anyway', async () => {
    for (const kid of ['__proto__', 'constructor', 'toString', '', 'undefined'])
      expect(await found(kid)).toBeUndefined()
  })
})

describe('a key that is withdrawn', () => {
  it('is not found any more after the next request, which is told', async () => {
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

  it('is not told of where the set stayed as it was, or grew', async () => {
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

  it('verifies for an hour at most while nobody can be asked', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(HOUR - 1)
    expect(await found(first.kid)).toBe('ES256')
    clock.advance(1)
    expect(await found(first.kid)).toBe('jwks_unavailable')
  })
})

describe('while its source is down', () => {
  it('the last set serves, and is asked for every ten seconds', async () => {
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

  it('one waits for it, and nobody after that who comes within half a minute, and everybody gets what it brings', async () => {
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

  it('what was so before a silence does not count: it is asked again before anything is found', async () => {
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

  it('a key id that the last set does not have is unavailable, not unknown: it may be a new one', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(10_000)
    expect([await found(second.kid), await found(made(1))]).toEqual([
      'jwks_unavailable',
      'jwks_unavailable',
    ])
  })

  it('nothing is known from the start, and it is known when it is back for the two seconds that callers are told to wait', async () => {
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

  it('an outage of more than an hour ends when it ends', async () => {
    await found(first.kid)
    source.answer(down)
    clock.advance(2 * HOUR)
    expect(await found(first.kid)).toBe('jwks_unavailable')
    source.answer({ keys: [first] })
    clock.advance(2000)
    expect([await found(first.kid), await found(made(1))]).toEqual(['ES256', undefined])
  })

  it('nobody waits for longer than the deadline: not for an answer, nor for its end', async () => {
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

it('a request that has not ended by the deadline is given up', async () => {
  const abandoned = createGate()
  source.answer((_request, response) => void response.on('close', abandoned.open))
  expect(await found(first.kid, over(source.url, 100))).toBe('jwks_unavailable')
  await abandoned.opened
})

describe('a JWK set may be', () => {
  it('given as it is, and then nothing is fetched', async () => {
    expect(
      await requestsOf(async () =>
        expect(await found(first.kid, over({ keys: [first] }))).toBe('ES256'),
      ),
    ).toBe(0)
  })

  it('got by a function, which is asked as a URL is', async () => {
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

  it('got by a function that throws, rejects or answers nonsense, which is unavailable', async () => {
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
