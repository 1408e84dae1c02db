import { memoryStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createKeyCache } from '../../../src/core/decision/key-cache.ts'
import type { Scope, ScopeValue } from '../../../src/core/model/scope.ts'
import { createBench } from '../../support/bench.ts'
import { fedStore } from '../../support/fed-store.ts'
import { codeOf, verdict } from '../../support/sent.ts'

describe('the key cache', () => {
  const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

  it('reads a key once for 10,000 concurrent requests', async () => {
    const { twinkey, spy } = createBench()
    const { primary } = await twinkey.keys.create(INPUT)
    const before = spy.calls.get
    const all = await Promise.all(
      Array.from({ length: 10_000 }, () => twinkey.keys.verify(primary)),
    )
    expect(all.every(({ ok }) => ok)).toBe(true)
    expect(spy.calls.get - before).toBe(1)
  })

  it('sees a change by another node within the maximum age, without a feed', async () => {
    const bench = createBench({ cache: { maxAgeSeconds: 2 } })
    const other = bench.another()
    const { key, primary } = await bench.twinkey.keys.create(INPUT)
    expect(await verdict(other, primary)).toBe('let in')
    await bench.twinkey.keys.revoke(key.id)
    bench.clock.advance(1999)
    expect(await verdict(other, primary)).toBe('let in')
    bench.clock.advance(1)
    expect(await verdict(other, primary)).toBe('credential_invalid')
  })

  it('reads a key at each request if the maximum age is 0', async () => {
    const bench = createBench({ cache: { maxAgeSeconds: 0 } })
    const other = bench.another()
    const { key, primary } = await bench.twinkey.keys.create(INPUT)
    expect(await verdict(other, primary)).toBe('let in')
    await bench.twinkey.keys.disable(key.id)
    expect(await verdict(other, primary)).toBe('credential_invalid')
  })

  it('forgets all keys when the feed reports that it may have missed a change', async () => {
    const bench = createBench()
    const { store, changed } = fedStore(bench.spy.store)
    const other = bench.another({ store })
    const { key, primary } = await bench.twinkey.keys.create(INPUT)
    expect(await verdict(other, primary)).toBe('let in')
    await bench.twinkey.keys.revoke(key.id)
    changed('another0id000000')
    expect(await verdict(other, primary)).toBe('let in')
    changed(undefined)
    expect(await verdict(other, primary)).toBe('credential_invalid')
  })

  it('looks up a missing key once a second, and never an id whose secret has a wrong checksum', async () => {
    const { twinkey, spy, clock } = createBench()
    const { key, primary } = await twinkey.keys.create(INPUT)
    await twinkey.keys.delete(key.id)
    const before = spy.calls.get
    for (let i = 0; i < 100; i++)
      expect(codeOf(await twinkey.keys.verify(primary))).toBe('credential_invalid')
    expect(spy.calls.get - before).toBe(1)
    clock.advance(1000)
    await twinkey.keys.verify(primary)
    expect(spy.calls.get - before).toBe(2)
    for (let i = 0; i < 100; i++) await twinkey.keys.verify(`tk_${'0'.repeat(63)}${10 + (i % 80)}`)
    expect(spy.calls.get - before).toBe(2)
  })
})

describe('the scopes in a key cache', () => {
  /** A cache over a store in which each key reaches the tenants that the test asks for. */
  async function createScene() {
    const store = memoryStore()
    const bench = createBench({ store })
    const { key } = await bench.twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    const sample = await store.get(key.id)
    if (sample?.kind !== 'key') throw new Error('the key is not there')
    let reads = 0
    let tenants: ScopeValue = []
    const get = async (id: string) => ({ ...sample, id, scope: { ...sample.scope, tenants } })
    const createCache = () =>
      createKeyCache({ get }, { maxKeys: 100, maxAgeMilliseconds: 1000, now: bench.clock.now })
    const cache = createCache()
    const scopeOf = async (names: ScopeValue, from = cache): Promise<Scope> => {
      tenants = names
      const { value } = await from.load(`id${reads++}`)
      return value?.kind === 'key' ? value.scope : expect.fail('it is no key')
    }
    return { scopeOf, createCache }
  }

  it('are shared by all keys with equal scopes, within one cache', async () => {
    const { scopeOf, createCache } = await createScene()
    expect(await scopeOf(['a', 'b'])).toBe(await scopeOf(['a', 'b']))
    expect(await scopeOf(['a', 'b'])).not.toBe(await scopeOf(['a', 'b'], createCache()))
  })

  it('equal those of the records, however similar two of them look', async () => {
    const { scopeOf } = await createScene()
    const all: ScopeValue[] = [
      ['a', 'b'],
      ['b', 'a'],
      ['a,b'],
      ['a","b'],
      ['"a"', 'b'],
      ['["a"]'],
      [],
      '*',
      ['x'.repeat(128)],
    ]
    for (let round = 0; round < 2; round++)
      for (const tenants of all) expect((await scopeOf(tenants)).tenants).toEqual(tenants)
    const { tenants } = await scopeOf(['a', 'b'])
    expect([await scopeOf(['a', 'b']), tenants].every(Object.isFrozen)).toBe(true)
  })

  it('are not shared if they are long', async () => {
    const { scopeOf } = await createScene()
    // Scopes of 512 and 513 characters of JSON.
    const most = 512 - JSON.stringify({ ...(await scopeOf([])), tenants: ['', '', '', ''] }).length
    const names = (length: number) =>
      Array.from({ length: 4 }, (_, i) => String(i).repeat(i === 3 ? length - 3 * 120 : 120))
    expect(await scopeOf(names(most))).toBe(await scopeOf(names(most)))
    expect(await scopeOf(names(most + 1))).not.toBe(await scopeOf(names(most + 1)))
    expect(await scopeOf(names(most + 1))).toEqual(await scopeOf(names(most + 1)))
  })

  it('are shared for the 10,000 that were read last', async () => {
    const { scopeOf } = await createScene()
    const probe = await scopeOf(['probe'])
    for (let i = 1; i < 9_999; i++) await scopeOf([`other ${i}`])
    expect(await scopeOf(['probe'])).toBe(probe)
    await scopeOf(['the last that has room'])
    await scopeOf(['one too many'])
    expect(await scopeOf(['probe'])).not.toBe(probe)
  })
})
