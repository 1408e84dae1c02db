import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { type Cached, createCache } from '../../../src/core/cache/cache.ts'
import { createTokenMemory } from '../../../src/core/decision/token-memory.ts'
import type { TokenClaims } from '../../../src/core/tokens/claims.ts'
import { createHeaderReader } from '../../../src/core/tokens/token.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

// Values that a cache has replaced, dropped or forgotten must become collectable, whether or not
// the cache is full.

/** How many of these objects are still in memory after a garbage collection. */
async function alive(held: readonly WeakRef<object>[]): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  return held.filter((each) => each.deref() !== undefined).length
}

function createScene(maxKeys: number) {
  let at = 1_000_000
  const loaded: WeakRef<object>[] = []
  const read = async (
    _id: string,
    loadedAt: number,
    generation: number,
  ): Promise<Cached<object>> => {
    const value = {}
    loaded.push(new WeakRef(value))
    return { value, loadedAt, generation }
  }
  const cache = createCache(read, { maxKeys, maxAgeMilliseconds: 5000, now: () => at })
  return {
    cache,
    loaded,
    age: () => {
      at += 6000
    },
  }
}

describe('a cache releases', () => {
  it('records that it reloaded many times, when it never had to evict one', async () => {
    const { cache, loaded, age } = createScene(1000)
    for (let i = 0; i < 5000; i++, age()) await cache.load(`key ${i % 5}`)
    expect(await alive(loaded)).toBeLessThan(10)
    // Keeps the cache itself alive until here, as everything would be collectable without it.
    expect(cache.last('key 0')).toBeDefined()
  })

  it('records that it reloaded many times, after it had to evict some', async () => {
    const { cache, loaded, age } = createScene(5)
    for (let i = 0; i < 10; i++) await cache.load(`other ${i}`)
    for (let i = 0; i < 5000; i++, age()) await cache.load(`key ${i % 5}`)
    expect(await alive(loaded)).toBeLessThan(2000)
    expect(cache.last('key 0')).toBeDefined()
  })

  it('all records when everything is forgotten', async () => {
    const { cache, loaded } = createScene(5)
    for (let i = 0; i < 10; i++) await cache.load(`key ${i}`)
    for (let round = 0; round < 100; round++) {
      cache.forget(undefined)
      for (let i = 0; i < 5; i++) await cache.load(`key ${i}`)
    }
    expect(await alive(loaded)).toBeLessThan(10)
    expect(cache.last('key 0')).toBeDefined()
  })

  it('the text of a token whose header it remembers', () => {
    const reader = createHeaderReader()
    const header = { algorithm: 'ES256', kid: 'k' }
    collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 100; i++)
      reader.remember(`eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ${i}.${'x'.repeat(200_000)}`, header)
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2_000_000)
    // Keeps the reader itself alive until here.
    expect(reader.read('')).toBeUndefined()
  })

  it('expired tokens', async () => {
    const memory = createTokenMemory(100, 0)
    const kept: WeakRef<object>[] = []
    for (let i = 0; i < 200; i++)
      memory.keep(`other ${i}`, { issuedAt: 0, expiresAt: 1 } as TokenClaims)
    for (let i = 100; i < 200; i++) memory.recall(`other ${i}`, 1)
    for (let at = 1; at <= 5000; at++) {
      const claims = { issuedAt: at, expiresAt: at + 50 } as TokenClaims
      kept.push(new WeakRef(claims))
      memory.keep(`token ${at}`, claims)
      expect(memory.recall(`token ${at - 50}`, at)).toBeUndefined()
    }
    expect(await alive(kept)).toBeLessThan(2000)
    expect(memory.recall('other 199', 0)).toBeUndefined()
  })
})
