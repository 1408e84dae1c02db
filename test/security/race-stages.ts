import fc from 'fast-check'
import type { JWK } from 'jose'
import { createTwinkey, type KeyStore, memoryStore, type Twinkey } from 'twinkey'
import { settled } from '../support/gate.ts'
import { pausedStore, seeded, turns } from '../support/racing-store.ts'
import { shortSigningKey } from '../support/signing-key.ts'
import {
  type Broken,
  NODE_OPTIONS,
  type Race,
  type Rounds,
  run,
  type Stage,
  type Tally,
} from './race.ts'

const TOLD_WITHIN_MILLISECONDS = 10_000
// How many are made at a time.
const SCHEDULERS = 1000

/** Two nodes, with the switch that makes their stores pause and the ear of the second. */
interface Pair {
  readonly nodes: readonly [Twinkey, Twinkey]
  /** Whether to pause from now on. */
  pauseBy(pause: ((call: string) => Promise<void>) | undefined): void
  told: Stage['told']
}

/** How a race's nodes are made. */
export interface PairOptions {
  readonly stores: readonly [KeyStore, KeyStore]
  readonly signingKey: JWK
  readonly feed: boolean
  readonly broken?: Broken | undefined
  readonly now?: () => number
}

export function createPair({
  stores,
  signingKey,
  feed,
  broken = {},
  now = Date.now,
}: PairOptions): Pair {
  let pause: ((call: string) => Promise<void>) | undefined
  const heard = new Map<string, number>()
  const waiting = new Set<() => void>()
  const tokens = {
    issuer: 'https://api.test',
    audience: 'https://api.test',
    signingKeys: [signingKey],
  }
  const [one, two] = stores.map((inner, index) => {
    const paused = pausedStore(inner, async (call) => pause?.(call))
    const store = broken.store?.(paused) ?? paused
    const { watch, ...unwatched } = store
    const listening: KeyStore = {
      ...store,
      watch: async (changed) =>
        (await watch?.((id) => {
          changed(id)
          if (index === 0 || id === undefined) return
          heard.set(id, (heard.get(id) ?? 0) + 1)
          for (const check of waiting) check()
        })) ?? (async () => {}),
    }
    const sound = createTwinkey({
      ...NODE_OPTIONS,
      store: feed ? listening : unwatched,
      tokens,
      now,
    })
    return broken.twinkey?.(sound) ?? sound
  }) as [Twinkey, Twinkey]
  return {
    nodes: [one, two],
    pauseBy: (next) => {
      pause = next
    },
    told: (id, changes) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(
          () => end(() => reject(new Error('the feed did not tell'))),
          TOLD_WITHIN_MILLISECONDS,
        )
        const end = (then: () => void) => {
          clearTimeout(late)
          waiting.delete(check)
          then()
        }
        const check = () => {
          if ((heard.get(id) ?? 0) < changes) return
          heard.delete(id)
          end(resolve)
        }
        waiting.add(check)
        check()
      }),
  }
}

/**
 * Runs a race in memory with fast-check's scheduler, which decides when each store call continues.
 */
export async function runScheduled(race: Race, options: Rounds): Promise<Tally> {
  const { rounds, seed, broken } = options
  const signingKey = shortSigningKey()
  let schedulers: fc.Scheduler[] = []
  return run(race, options, async (round) => {
    // Each serves one round.
    if (round % SCHEDULERS === 0)
      schedulers = fc.sample(fc.noShrink(fc.scheduler()), {
        numRuns: Math.min(rounds - round, SCHEDULERS),
        seed: seed + round,
      })
    const scheduler = schedulers[round % SCHEDULERS] as fc.Scheduler
    const pair = await inMemory(race, signingKey, broken)
    const pause = (call: string) => scheduler.schedule(Promise.resolve(), call)
    const together: Stage['together'] = async (calls) => {
      pair.pauseBy(pause)
      await scheduler.waitFor(Promise.all(calls.map((call) => call())))
      await scheduler.waitIdle()
      pair.pauseBy(undefined)
    }
    return {
      stage: stageOf(pair, { together, pause: () => pause('turn') }, seed, round),
      shown: () => `seed ${seed}, ${scheduler}`,
    }
  })
}

/** Runs a race in memory with calls that take a random number of turns. */
export async function runByTurns(race: Race, options: Rounds): Promise<Tally> {
  const { seed, broken } = options
  const signingKey = shortSigningKey()
  return run(race, options, async (round) => {
    const pair = await inMemory(race, signingKey, broken)
    const random = seeded(seed * 15_485_863 + round)
    const pause = () => turns(random)
    const together: Stage['together'] = async (calls) => {
      pair.pauseBy(pause)
      await Promise.all(calls.map((call) => call()))
      // Side effects and the feed take turns, too.
      await settled()
      pair.pauseBy(undefined)
    }
    return { stage: stageOf(pair, { together, pause }, seed, round), shown: () => `seed ${seed}` }
  })
}

/** Runs a race over two stores on one database, whose own time decides; many rounds at once. */
export async function runOver(
  pair: Pair,
  race: Race,
  options: Rounds,
  atOnce: number,
): Promise<Tally> {
  const { seed } = options
  const random = seeded(seed)
  const pause = async () => {
    for (let left = Math.floor(random() * 4); left > 0; left--) await settled()
  }
  const together: Stage['together'] = async (calls) =>
    void (await Promise.all(calls.map((call) => call())))
  return run(
    race,
    options,
    async (round) => ({ stage: stageOf(pair, { together, pause }, seed, round) }),
    atOnce,
  )
}

async function inMemory(
  race: Race,
  signingKey: PairOptions['signingKey'],
  broken: Broken | undefined,
): Promise<Pair> {
  const store = memoryStore()
  const now = () => Date.UTC(2026, 0, 1)
  const pair = createPair({ stores: [store, store], signingKey, feed: race.feed, broken, now })
  // The feed starts on the next turn.
  await settled()
  return pair
}

function stageOf(
  { nodes, told }: Pair,
  pace: Pick<Stage, 'together' | 'pause'>,
  seed: number,
  round: number,
): Stage {
  const random = seeded(seed * 32_452_843 + round)
  return {
    ...pace,
    nodes,
    told,
    pick: (below) => Math.floor(random() * below),
    round: `${round}-${random().toString(36).slice(2)}`,
  }
}
