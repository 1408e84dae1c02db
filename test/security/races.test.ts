import { describe, expect, test } from 'vitest'
import { hosts } from '../http/hosts.ts'
import { everyThird, rounds } from '../support/rounds.ts'
import { faults, oneFlightForAll } from './race-faults.ts'
import { races } from './race-list.ts'
import { runOnHost } from './race-sockets.ts'
import { runByTurns, runScheduled } from './race-stages.ts'

const ROUNDS = rounds(100)
// A broken part is found within a few hundred rounds.
const ENOUGH = 5000
const SEED = 1

// How often each race must have another outcome than the usual one, to count as a race.
const BOTH_WAYS = 2

describe.each([
  ['by the scheduler', runScheduled],
  ['by turns', runByTurns],
] as const)('whichever comes first %s', (_how, runRace) => {
  test.each(races)('$name comes out as it must', async (race) => {
    const tally = await runRace(race, { rounds: ROUNDS, seed: SEED })
    expect(tally).toEqual({
      race: race.name,
      rounds: ROUNDS,
      outcomes: expect.anything(),
      wrong: 0,
    })
    const seldom = Object.values(tally.outcomes).filter((count) => count > ROUNDS / 50)
    if (race.name !== 'two callers') expect(seldom.length).toBeGreaterThanOrEqual(BOTH_WAYS)
  })

  test.each(
    everyThird(races).map((race) => ({ race, name: race.name, what: faults[race.name]?.[0] })),
  )('$name finds $what', async ({ race }) => {
    const broken = faults[race.name]?.[1]
    expect(broken).toBeDefined()
    const { wrong, first } = await runRace(race, {
      rounds: ENOUGH,
      seed: SEED,
      broken,
      untilWrong: true,
    })
    expect([race.name, wrong > 0, first]).toEqual([
      race.name,
      true,
      expect.stringContaining('seed'),
    ])
  })
})

describe.each(Object.entries(hosts))('two callers on %s', (name, start) => {
  test('each get their own identity, however slow the store', async () => {
    const tally = await runOnHost(name, start, { rounds: ROUNDS, seed: SEED })
    expect(tally).toEqual({
      race: expect.any(String),
      rounds: ROUNDS,
      outcomes: expect.anything(),
      wrong: 0,
    })
    expect(Object.keys(tally.outcomes).sort()).toEqual(['different keys', 'the same key'])
  })

  test('are confused if they share a decision, which the test finds', async () => {
    const { wrong } = await runOnHost(name, start, {
      rounds: ROUNDS,
      seed: SEED,
      broken: oneFlightForAll,
    })
    expect(wrong).toBeGreaterThan(0)
  })
})
