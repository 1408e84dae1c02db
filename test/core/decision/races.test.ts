import { createTwinkey, isTwinkeyError, memoryStore, type Twinkey } from 'twinkey'
import type { StoredKey } from 'twinkey/store'
import { describe, expect, it } from 'vitest'
import { createKeyCache } from '../../../src/core/decision/key-cache.ts'
import { createKeyWrites } from '../../../src/core/management/key-writes.ts'
import { checkedStore } from '../../../src/core/store/checked-store.ts'
import { createBench } from '../../support/bench.ts'
import { createClock } from '../../support/clock.ts'
import { createGate, settled } from '../../support/gate.ts'
import { racingStore, seeded } from '../../support/racing-store.ts'
import { anyTarget, codeOf, decidedNow, sent, verdict } from '../../support/sent.ts'
import { spyStore } from '../../support/spy-store.ts'

const INPUT = { name: 'n', scope: { tenants: ['t'], workflows: '*' } } as const

/** Two nodes over one store whose calls interleave. */
function createNodes(seed: number): [Twinkey, Twinkey] {
  const inner = memoryStore()
  const { now } = createClock()
  const random = seeded(seed)
  return [
    createTwinkey({ store: racingStore(inner, random), now }),
    createTwinkey({ store: racingStore(inner, random), now }),
  ]
}

type Outcome = { readonly secret: string } | { readonly lost: string }

async function outcomeOf(call: Promise<{ primary: string }>): Promise<Outcome> {
  try {
    return { secret: (await call).primary }
  } catch (error) {
    if (!isTwinkeyError(error)) throw error
    return { lost: error.code }
  }
}

const isIn = async (twinkey: Twinkey, secret: string) =>
  (await verdict(twinkey, secret)) === 'let in'
const secretOf = (outcome: Outcome) => ('secret' in outcome ? outcome.secret : undefined)

describe('rotation', () => {
  it('exactly one of two racing rotations wins', async () => {
    const losses: Record<string, number> = {}
    for (let round = 0; round < 1000; round++) {
      const nodes = createNodes(round)
      const { key, primary } = await nodes[0].keys.create({ ...INPUT, secondary: false })
      const outcomes = await Promise.all(nodes.map((node) => outcomeOf(node.keys.rotate(key.id))))
      const won = outcomes.flatMap((outcome) => secretOf(outcome) ?? [])
      expect(won).toHaveLength(1)
      for (const outcome of outcomes)
        if ('lost' in outcome) losses[outcome.lost] = (losses[outcome.lost] ?? 0) + 1
      for (const node of nodes)
        expect([await isIn(node, primary), await isIn(node, won[0] as string)]).toEqual([
          true,
          true,
        ])
    }
    expect(Object.keys(losses).sort()).toEqual(['secondary_live', 'version_conflict'])
    // Most rounds really race: both nodes read before either writes.
    expect(losses['version_conflict']).toBeGreaterThan(300)
  })

  it('after two racing renewals of one slot, only the secret of the last winner verifies', async () => {
    let raced = 0
    for (let round = 0; round < 200; round++) {
      const nodes = createNodes(round)
      const { key, primary, secondary } = await nodes[0].keys.create(INPUT)
      const outcomes = await Promise.all(
        nodes.map((node) => outcomeOf(node.keys.renew(key.id, { slots: 'primary' }))),
      )
      const won = outcomes.flatMap((outcome) => secretOf(outcome) ?? [])
      expect(
        outcomes.every((outcome) => 'secret' in outcome || outcome.lost === 'version_conflict'),
      ).toBe(true)
      if (won.length === 1) raced++
      const live = await Promise.all(won.map((secret) => isIn(nodes[0], secret)))
      expect(live.filter(Boolean)).toHaveLength(1)
      expect([await isIn(nodes[0], primary), await isIn(nodes[0], secondary as string)]).toEqual([
        false,
        true,
      ])
    }
    expect(raced).toBeGreaterThan(50)
  })

  it('and a racing renewal each take effect completely or not at all', async () => {
    const seen = new Set<string>()
    for (let round = 0; round < 500; round++) {
      const nodes = createNodes(round)
      const { key, primary: old } = await nodes[0].keys.create({ ...INPUT, secondary: false })
      const [rotation, renewal] = await Promise.all([
        outcomeOf(nodes[0].keys.rotate(key.id)),
        outcomeOf(nodes[1].keys.renew(key.id, { slots: 'primary' })),
      ])
      const live: string[] = []
      for (const [name, secret] of Object.entries({
        old,
        rotated: secretOf(rotation),
        renewed: secretOf(renewal),
      }))
        if (secret !== undefined && (await isIn(nodes[0], secret))) live.push(name)
      const winners =
        `${'secret' in rotation ? 'rotate' : ''} ${'secret' in renewal ? 'renew' : ''}`.trim()
      seen.add(winners)
      const legitimate: Record<string, string[]> = {
        rotate: ['old,rotated'],
        renew: ['renewed'],
        // One after the other, in either order.
        'rotate renew': ['old,renewed', 'rotated,renewed'],
      }
      expect(legitimate[winners]).toContain(live.join(','))
    }
    expect([...seen].sort()).toEqual(['renew', 'rotate', 'rotate renew'])
  })
})

describe('ending a key', () => {
  /** Changes a key repeatedly until stopped, and ignores the outcomes. */
  function churn(node: Twinkey, id: string, names: readonly string[], random: () => number) {
    let stopped = false
    let changes = 0
    const refused = new Set<string>()
    const calls: Record<string, () => Promise<unknown>> = {
      update: () => node.keys.update(id, { name: `n${changes}` }),
      rotate: () => node.keys.rotate(id, { replace: 'secondary' }),
      renew: () => node.keys.renew(id, { slots: 'secondary' }),
      enable: () => node.keys.enable(id),
      disable: () => node.keys.disable(id),
    }
    const done = (async () => {
      while (!stopped) {
        const name = names[Math.floor(random() * names.length)] as string
        try {
          await calls[name]?.()
          changes++
        } catch (error) {
          if (!isTwinkeyError(error)) throw error
          refused.add(error.code)
        }
      }
    })()
    return {
      changes: () => changes,
      refused,
      async stop() {
        stopped = true
        await done
      },
    }
  }

  it('revoke wins over every concurrent change, on every node, and is final', async () => {
    for (let round = 0; round < 60; round++) {
      const random = seeded(round)
      const nodes = createNodes(round)
      const { key, primary, secondary } = await nodes[0].keys.create(INPUT)
      const churns = nodes.flatMap((node) =>
        [0, 1].map(() =>
          churn(node, key.id, ['update', 'rotate', 'renew', 'enable', 'disable'], random),
        ),
      )
      for (let turns = Math.floor(random() * 300); turns > 0; turns--) await undefined
      const revoked = await nodes[round % 2]?.keys.revoke(key.id)
      expect(revoked?.state).toBe('revoked')
      expect((await nodes[0].keys.get(key.id))?.revokedAt).toBe(revoked?.revokedAt)
      for (let turns = 0; turns < 200; turns++) await undefined
      const refused = new Set(churns.flatMap((each) => [...each.refused]))
      for (const each of churns) await each.stop()
      expect(refused).toContain('key_revoked')
      const after = await nodes[0].keys.get(key.id)
      expect([after?.state, after?.revokedAt]).toEqual(['revoked', revoked?.revokedAt])
      for (const node of nodes)
        expect([await isIn(node, primary), await isIn(node, secondary as string)]).toEqual([
          false,
          false,
        ])
    }
  })

  it('disable wins over every concurrent change except enable', async () => {
    let changes = 0
    for (let round = 0; round < 60; round++) {
      const random = seeded(round)
      const nodes = createNodes(round)
      const { key } = await nodes[0].keys.create(INPUT)
      const churns = nodes.map((node) => churn(node, key.id, ['update', 'rotate', 'renew'], random))
      for (let turns = Math.floor(random() * 300); turns > 0; turns--) await undefined
      expect((await nodes[1].keys.disable(key.id)).state).toBe('disabled')
      for (let turns = 0; turns < 200; turns++) await undefined
      for (const each of churns) await each.stop()
      expect((await nodes[0].keys.get(key.id))?.state).toBe('disabled')
      const { primary: secret } = await nodes[0].keys.renew(key.id, { slots: 'primary' })
      expect(await isIn(nodes[0], secret)).toBe(false)
      changes += churns.reduce((sum, each) => sum + each.changes(), 0)
    }
    expect(changes).toBeGreaterThan(60)
  })

  it('delete wins over every concurrent change, and nothing restores the key', async () => {
    for (let round = 0; round < 60; round++) {
      const random = seeded(round)
      const nodes = createNodes(round)
      const { key, primary } = await nodes[0].keys.create(INPUT)
      const churns = nodes.map((node) =>
        churn(node, key.id, ['update', 'rotate', 'renew', 'enable', 'disable'], random),
      )
      for (let turns = Math.floor(random() * 300); turns > 0; turns--) await undefined
      await nodes[0].keys.delete(key.id)
      expect(await nodes[1].keys.get(key.id)).toBeUndefined()
      for (let turns = 0; turns < 200; turns++) await undefined
      for (const each of churns) await each.stop()
      expect(await nodes[0].keys.get(key.id)).toBeUndefined()
      expect(await isIn(nodes[0], primary)).toBe(false)
    }
  })
})

describe('a load in flight when a change resolves', () => {
  it.each(['revoke', 'disable', 'delete', 'renew'] as const)(
    'never fills the cache, and its callers retry: %s',
    async (change) => {
      const inner = memoryStore()
      const { twinkey, spy } = createBench({ store: inner })
      const { key, primary } = await twinkey.keys.create(INPUT)
      const gate = createGate()
      const reads: (StoredKey | undefined)[] = []
      // The store reads the record before the change, and answers after it.
      spy.override({
        get: async (id) => {
          const found = await inner.get(id)
          reads.push(found)
          if (reads.length === 1) await gate.opened
          return found
        },
      })
      const waiting = twinkey.authenticate(sent({ credential: primary }), anyTarget)
      const alsoWaiting = twinkey.keys.verify(primary)
      await settled()
      expect(reads).toHaveLength(1)
      if (change === 'renew') await twinkey.keys.renew(key.id, { slots: 'primary' })
      else await twinkey.keys[change](key.id)
      expect(await verdict(twinkey, primary)).toBe('credential_invalid')
      gate.open()
      expect([codeOf(await waiting), codeOf(await alsoWaiting)]).toEqual([
        'credential_invalid',
        'credential_invalid',
      ])
      expect(decidedNow(twinkey, sent({ credential: primary }), anyTarget)?.ok).toBe(false)
    },
  )

  it('never fills the cache if the feed reports the change of another node', async () => {
    const inner = memoryStore()
    const { twinkey, spy } = createBench({ store: inner })
    const other = createTwinkey({ store: inner })
    const { key, primary } = await twinkey.keys.create(INPUT)
    const gate = createGate()
    let reads = 0
    spy.override({
      get: async (id) => {
        const found = await inner.get(id)
        if (++reads === 1) await gate.opened
        return found
      },
    })
    const waiting = verdict(twinkey, primary)
    await settled()
    await other.keys.revoke(key.id)
    gate.open()
    expect(await waiting).toBe('credential_invalid')
    expect(decidedNow(twinkey, sent({ credential: primary }), anyTarget)?.ok).toBe(false)
  })
})

it('exactly one of two racing creations of one id is stored', async () => {
  for (let round = 0; round < 300; round++) {
    const inner = memoryStore()
    const { key } = await createTwinkey({ store: inner }).keys.create(INPUT)
    const template = (await inner.get(key.id)) as StoredKey
    const { now } = createClock()
    const spy = spyStore(racingStore(memoryStore(), seeded(round)))
    const store = checkedStore(spy.store, 2000)
    const writes = createKeyWrites(
      store,
      createKeyCache(store, { maxKeys: 10, maxAgeMilliseconds: 1000, now }),
      now,
    )
    const versions = [11, 22, 33]
    const outcomes = await Promise.all(
      versions.map((version) => writes.put({ ...template, version }, undefined, undefined)),
    )
    expect([...outcomes].sort()).toEqual(['conflict', 'conflict', 'stored'])
    expect((await store.get(key.id))?.version).toBe(versions[outcomes.indexOf('stored')])
  }
})
