import type { KeyStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { FIRST, importBench, input } from '../../clients/imported.ts'
import { createBench } from '../../support/bench.ts'
import { createGate, settled } from '../../support/gate.ts'
import { codeOf, decidedNow, verdict } from '../../support/sent.ts'

// A request is never refused based on a record that was read before it arrived. Two nodes here
// share a store without a feed, so one does not hear of the changes of the other and still caches
// the old record.

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

/** Two nodes that both cached a key some seconds ago. */
async function createScene() {
  const bench = createBench()
  const created = await bench.twinkey.keys.create(INPUT)
  const other = bench.another()
  expect(await verdict(other, created.primary)).toBe('let in')
  bench.clock.advance(3000)
  const readsOf = async (ask: () => Promise<unknown>) => {
    const before = bench.spy.calls.get
    await ask()
    return bench.spy.calls.get - before
  }
  return { ...bench, ...created, id: created.key.id, other, readsOf }
}

describe('another node accepts at once', () => {
  it('the new secret of a slot, after one store read', async () => {
    const { twinkey, id, other, readsOf } = await createScene()
    const { secondary: secret } = await twinkey.keys.renew(id, { slots: 'secondary' })
    const request = new Request('https://api.example/', { headers: { 'x-api-key': secret } })
    const ask = async () => {
      expect(decidedNow(other, request)).toBeUndefined()
      expect(await verdict(other, secret)).toBe('let in')
    }
    expect(await readsOf(ask)).toBe(1)
    expect(decidedNow(other, request)?.ok).toBe(true)
  })

  it('the new primary of a rotation, and the old one beside it', async () => {
    const { twinkey, id, other, primary } = await createScene()
    const { primary: secret } = await twinkey.keys.rotate(id, {
      graceSeconds: 60,
      replace: 'secondary',
    })
    for (const each of [secret, primary]) expect(await verdict(other, each)).toBe('let in')
  })

  it('a token of a new secret', async () => {
    const { twinkey, id, other } = await createScene()
    const { secondary: secret } = await twinkey.keys.renew(id, { slots: 'secondary' })
    const issued = await twinkey.tokens.issue(secret)
    expect(codeOf(await other.tokens.verify(issued.ok ? issued.token : ''))).toBe('let in')
  })

  it('a key that was disabled and is enabled again, one second after it was refused', async () => {
    const { twinkey, id, other, primary, clock } = await createScene()
    const issued = await twinkey.tokens.issue(primary)
    const token = issued.ok ? issued.token : ''
    await twinkey.keys.disable(id)
    clock.advance(6000)
    for (const ask of [other.keys.verify(primary), other.tokens.verify(token)])
      expect(codeOf(await ask)).toBe('credential_invalid')
    await twinkey.keys.enable(id)
    clock.advance(1000)
    for (const ask of [other.keys.verify(primary), other.tokens.verify(token)])
      expect(codeOf(await ask)).toBe('let in')
  })

  it('a key whose expiry was extended shortly before it', async () => {
    const { twinkey, id, other, primary, clock } = await createScene()
    await twinkey.keys.update(id, { expiresAt: clock.now() + 1000 })
    clock.advance(900)
    expect(await verdict(other, primary)).toBe('let in')
    await twinkey.keys.update(id, { expiresAt: clock.now() + 60_000 })
    clock.advance(200)
    expect(await verdict(other, primary)).toBe('let in')
  })

  it('an imported secret that was imported again for another key', async () => {
    const bench = importBench({ cache: { maxAgeSeconds: 3600 } })
    const other = bench.another()
    const { id } = await bench.twinkey.keys.import(input())
    expect(await verdict(other, FIRST)).toBe('let in')
    bench.clock.advance(3000)
    const { primary: secret } = await bench.twinkey.keys.renew(id, { slots: 'primary' })
    // The other node reloads the key. It has no reason yet to reload the alias by which the
    // imported secret led to it.
    expect(await verdict(other, secret)).toBe('let in')
    await bench.twinkey.keys.import(input())
    bench.clock.advance(1000)
    expect(await verdict(other, FIRST)).toBe('let in')
  })

  it('a thousand callers with the new secret, after one read', async () => {
    const { twinkey, id, other, readsOf } = await createScene()
    const { primary: secret } = await twinkey.keys.renew(id, { slots: 'primary' })
    const ask = async () => {
      const verdicts = await Promise.all(Array.from({ length: 1000 }, () => verdict(other, secret)))
      expect(new Set(verdicts)).toEqual(new Set(['let in']))
    }
    expect(await readsOf(ask)).toBe(1)
  })
})

describe('a refused credential', () => {
  it('is refused from the cache for one second, so an invalid secret causes at most one read a second', async () => {
    const { twinkey, id, other, secondary, clock, readsOf } = await createScene()
    await twinkey.keys.renew(id, { slots: 'secondary' })
    clock.advance(5000)
    const ask = async () => {
      for (let i = 0; i < 40; i++) {
        expect(await verdict(other, secondary as string)).toBe('credential_invalid')
        clock.advance(100)
      }
    }
    expect(await readsOf(ask)).toBe(4)
  })

  it('with a wrong checksum never causes a read', async () => {
    const { other, primary, readsOf } = await createScene()
    const typo = primary.slice(0, -1) + (primary.endsWith('0') ? '1' : '0')
    expect(
      await readsOf(async () => expect(await verdict(other, typo)).toBe('credential_invalid')),
    ).toBe(0)
  })

  it('is not refused based on a read that began before the request', async () => {
    const { twinkey, id, other, clock, spy } = await createScene()
    const gate = createGate()
    const slowly: KeyStore['get'] = async (key) => {
      const found = await spy.inner.get(key)
      await gate.opened
      return found
    }
    const { secondary: first } = await twinkey.keys.renew(id, { slots: 'secondary' })
    spy.override({ get: slowly })
    const one = verdict(other, first)
    await settled()
    spy.override({})
    // That read is still under way, and returns the key as it is now.
    clock.advance(5)
    const { secondary: next } = await twinkey.keys.renew(id, { slots: 'secondary' })
    const two = verdict(other, next)
    await settled()
    gate.open()
    expect(await Promise.all([one, two])).toEqual(['let in', 'let in'])
  })

  it('is refused after one read if the clock goes back before that read', async () => {
    const { twinkey, id, other, clock, readsOf } = await createScene()
    const { secondary: secret } = await twinkey.keys.renew(id, { slots: 'secondary' })
    await twinkey.keys.renew(id, { slots: 'secondary' })
    clock.advance(5000)
    const throttle = {
      retryAfterSeconds: () => void clock.advance(-3),
      failed: () => {},
      peer: () => 'peer',
    }
    const request = new Request('https://api.example/', { headers: { 'x-api-key': secret } })
    const ask = async () =>
      expect(codeOf(await other.authenticate(request, { anyTarget: true, throttle }))).toBe(
        'credential_invalid',
      )
    expect(await readsOf(ask)).toBe(1)
  })

  it('is refused as unavailable if the store must be read and fails', async () => {
    const { twinkey, id, other, spy } = await createScene()
    const { secondary: secret } = await twinkey.keys.renew(id, { slots: 'secondary' })
    spy.override({ get: () => Promise.reject(new Error('down')) })
    expect(await verdict(other, secret)).toBe('unavailable')
    spy.override({})
    expect(await verdict(other, secret)).toBe('let in')
  })
})
