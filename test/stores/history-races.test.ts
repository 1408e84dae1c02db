import { type KeyStore, memoryStore } from 'twinkey'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, openStore, startBackend } from '../../benchmarks/experiments/backend.ts'
import { pausedStore, seeded, turns } from '../support/racing-store.ts'
import { rounds } from '../support/rounds.ts'
import { historyRace } from './history-race.ts'
import type { Fault } from './history-race-faults.ts'

// Eight writers change one key on two nodes, and the history must be what they wrote. Some writes
// fail, or succeed without an answer.

const ROUNDS = rounds(10)
const MEMORY_ROUNDS = rounds(100)
const ANSWERED: readonly Fault[] = ['answer lost', 'under way', 'failed', 'refused']
const UNANSWERED: readonly Fault[] = ['no answer', 'late']

async function inMemory(
  rounds: number,
  options: { readonly share: number; readonly faults?: readonly Fault[] },
  broken: (store: KeyStore) => KeyStore = (store) => store,
): Promise<Map<string, number>> {
  const sum = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    const random = seeded(round)
    const store = broken(pausedStore(memoryStore(), () => turns(random)))
    let time = Date.UTC(2026, 0, 1)
    const tally = await historyRace([store, store], {
      ...{ random, faults: [], deadlineSeconds: 1, ...options },
      // Often several changes within a millisecond.
      now: () => (random() < 0.1 ? ++time : time),
    })
    for (const [what, count] of tally) sum.set(what, (sum.get(what) ?? 0) + count)
  }
  return sum
}

describe('the history of a key is the sequence of its records', () => {
  it('in memory, with conflicts', async () => {
    const tally = await inMemory(MEMORY_ROUNDS, { share: 0 })
    expect(tally.get('version_conflict')).toBeGreaterThan(5 * MEMORY_ROUNDS)
    expect(tally.get('done')).toBeGreaterThan(5 * MEMORY_ROUNDS)
  })

  it('in memory, if writes fail or lose their answers', async () => {
    const tally = await inMemory(MEMORY_ROUNDS, { share: 0.3, faults: ANSWERED })
    for (const what of [
      ...ANSWERED,
      'done',
      'version_conflict',
      'store_unavailable',
      'outcome_unknown',
    ])
      expect([what, (tally.get(what) ?? 0) > MEMORY_ROUNDS / 10]).toEqual([what, true])
  })

  it('in memory, if writes are not answered in time', async () => {
    const faults = [...ANSWERED, ...UNANSWERED]
    const tally = await inMemory(50, { share: 0.2, faults, ...{ deadlineSeconds: 0.001 } })
    for (const what of [...faults, 'done'])
      expect([what, (tally.get(what) ?? 0) > 10]).toEqual([what, true])
  })
})

describe.each(['postgres', 'mysql', 'redis', 'sqlite'] as const)('over %s', (kind) => {
  let backend: Backend
  const closing: (() => Promise<void>)[] = []

  beforeAll(async () => {
    backend = await startBackend(kind, 'in the kernel')
  })
  afterAll(async () => {
    await Promise.all(closing.map((close) => close()))
    await backend?.stop()
  })

  it('the history of a key is the sequence of its records', async () => {
    const open = async () => {
      const { store, close } = await openStore(backend.address, { feed: false })
      closing.push(close)
      return store
    }
    const stores = [await open(), await open()] as const
    for (let round = 0; round < ROUNDS; round++)
      await historyRace(stores, {
        random: seeded(round),
        share: round % 2 === 0 ? 0 : 0.2,
        faults: ANSWERED,
        deadlineSeconds: 30,
      })
  })
})

describe('the races find a store that', () => {
  const broken: [string, (inner: KeyStore) => Partial<KeyStore>][] = [
    [
      'does not compare versions',
      (inner) => ({
        put: async (next, _, entry) => inner.put(next, (await inner.get(next.id))?.version, entry),
      }),
    ],
    [
      'loses the entry of a deletion',
      (inner) => ({ delete: (id, version) => inner.delete(id, version, undefined) }),
    ],
    [
      'writes the entry of a change that lost',
      (inner) => ({
        async put(next, version, entry) {
          const outcome = await inner.put(next, version, entry)
          const alone = { kind: 'alias', id: `alone-${entry?.id}`, version: 1, keyId: 'k' } as const
          if (outcome === 'conflict') await inner.put(alone, undefined, entry)
          return outcome
        },
      }),
    ],
    [
      'answers that it has stored a change that lost',
      (inner) => ({
        put: async (next, version, entry) => {
          const outcome = await inner.put(next, version, entry)
          return outcome === 'conflict' ? 'stored' : outcome
        },
      }),
    ],
  ]

  it.each(broken)('%s', async (_name, change) => {
    const running = inMemory(20, { share: 0 }, (inner) => ({ ...inner, ...change(inner) }))
    await expect(running).rejects.toThrow()
  })
})
