import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { fedStore } from '../../support/fed-store.ts'
import { verdict } from '../../support/sent.ts'

// A secret that was let in is found by its digest from then on, without its record. It must end
// with its record nevertheless: whenever the record leaves the cache, however that happens.

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

/** A node that has let a key in several times, and another one that changes the key. */
async function createScene(options = {}) {
  const bench = createBench()
  const { store, changed } = fedStore(bench.spy.store)
  const node = bench.another({ store, cache: { maxAgeSeconds: 60 }, ...options })
  const { key, primary, secondary } = await bench.twinkey.keys.create(INPUT)
  const letIn = async (secret: string) => {
    for (let i = 0; i < 3; i++) expect(await verdict(node, secret)).toBe('let in')
  }
  const secrets = { primary, secondary: String(secondary) }
  await letIn(secrets.primary)
  await letIn(secrets.secondary)
  return { ...bench, key, ...secrets, node, letIn, changed }
}

describe('a secret that was let in several times', () => {
  it('is let in without a read, until the record is too old', async () => {
    const { spy, clock, primary, node } = await createScene()
    const before = spy.calls.get
    clock.advance(59_999)
    expect(await verdict(node, primary)).toBe('let in')
    expect(spy.calls.get - before).toBe(0)
    clock.advance(1)
    expect(await verdict(node, primary)).toBe('let in')
    expect(spy.calls.get - before).toBe(1)
  })

  it('is refused after a change elsewhere that the feed reports', async () => {
    const { twinkey, key, primary, secondary, node, changed } = await createScene()
    await twinkey.keys.disable(key.id)
    expect(await verdict(node, primary)).toBe('let in')
    changed(key.id)
    expect(await verdict(node, primary)).toBe('credential_invalid')
    expect(await verdict(node, secondary)).toBe('credential_invalid')
  })

  it('is refused after the feed reports that it may have missed changes', async () => {
    const { twinkey, key, primary, secondary, node, changed } = await createScene()
    await twinkey.keys.disable(key.id)
    changed()
    expect(await verdict(node, primary)).toBe('credential_invalid')
    expect(await verdict(node, secondary)).toBe('credential_invalid')
  })

  it('is refused after a change that the feed reports, if the record was evicted before', async () => {
    const { twinkey, key, primary, secondary, node, changed, letIn } = await createScene({
      cache: { maxAgeSeconds: 60, maxKeys: 1 },
    })
    await letIn((await twinkey.keys.create(INPUT)).primary)
    await twinkey.keys.disable(key.id)
    changed(key.id)
    expect(await verdict(node, primary)).toBe('credential_invalid')
    expect(await verdict(node, secondary)).toBe('credential_invalid')
  })

  it('is refused once the node has read a newer record for another reason', async () => {
    const { twinkey, key, primary, secondary, node, clock } = await createScene()
    clock.advance(2000)
    const renewed = await twinkey.keys.renew(key.id, { slots: 'secondary' })
    // Without a feed, the node reads the record again for the secret that it does not know.
    expect(await verdict(node, secondary)).toBe('let in')
    expect(await verdict(node, renewed.secondary)).toBe('let in')
    expect(await verdict(node, secondary)).toBe('credential_invalid')
    expect(await verdict(node, primary)).toBe('let in')
  })

  it('is refused from the end of its validity on', async () => {
    const { twinkey, node, clock, letIn } = await createScene()
    const { primary } = await twinkey.keys.create({ ...INPUT, expiresAt: clock.now() + 5000 })
    await letIn(primary)
    clock.advance(4999)
    expect(await verdict(node, primary)).toBe('let in')
    clock.advance(1)
    expect(await verdict(node, primary)).toBe('credential_invalid')
  })

  it('is read again after the clock has gone back', async () => {
    const { spy, clock, primary, node } = await createScene()
    clock.advance(-10_000)
    const before = spy.calls.get
    expect(await verdict(node, primary)).toBe('let in')
    expect(spy.calls.get - before).toBe(1)
  })

  it('follows its key if it is stored under an old pepper', async () => {
    const [old, next] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const before = createBench({ pepper: { current: 'old', keys: { old } } })
    const { key, primary, secondary } = await before.twinkey.keys.create(INPUT)
    const node = before.another({
      cache: { maxAgeSeconds: 60 },
      pepper: { current: 'next', keys: { old, next } },
    })
    const renewed = await node.keys.renew(key.id, { slots: 'secondary' })
    for (let i = 0; i < 3; i++) {
      expect(await verdict(node, primary)).toBe('let in')
      expect(await verdict(node, renewed.secondary)).toBe('let in')
      expect(await verdict(node, String(secondary))).toBe('credential_invalid')
    }
    await node.keys.revoke(key.id)
    expect(await verdict(node, primary)).toBe('credential_invalid')
    expect(await verdict(node, renewed.secondary)).toBe('credential_invalid')
  })
})
