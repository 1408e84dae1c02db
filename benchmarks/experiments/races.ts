import { generateSigningKey } from 'twinkey'
import { hosts } from '../../test/http/hosts.ts'
import type { Tally } from '../../test/security/race.ts'
import { faults } from '../../test/security/race-faults.ts'
import { races } from '../../test/security/race-list.ts'
import { runOnHost } from '../../test/security/race-sockets.ts'
import { createPair, runByTurns, runOver, runScheduled } from '../../test/security/race-stages.ts'
import { openStore, startBackend } from './backend.ts'
import type { Figure, Progress } from './figure.ts'

const MOST_UNTIL_FOUND = 20_000
const ROUNDS_AT_ONCE = 16

/** How the calls of a round are interleaved. */
type How = 'scheduler' | 'turns' | 'sockets' | 'postgres' | 'redis'
type Row = Tally & { readonly how: How }

/** Repeats every race, and runs it once with code that is broken on purpose, to detect that. */
export const figure: Figure = {
  name: 'races',
  title: 'outcomes of racing changes, verifications and cache fills, in 100,000 rounds of each',
  async run({ quick, progress }) {
    const inMemory = quick ? 150 : 50_000
    const overSockets = quick ? 200 : 25_000
    const overDatabases = quick ? 30 : 5000
    const seed = Math.floor(Math.random() * 2 ** 20)
    const rows: Row[] = []
    const add = (how: How, tally: Tally) => {
      rows.push({ how, ...tally })
      progress(`${how}: ${tally.race}, ${tally.rounds} rounds, ${tally.wrong} wrong`)
    }
    for (const race of races) {
      add('scheduler', await runScheduled(race, { rounds: inMemory, seed }))
      add('turns', await runByTurns(race, { rounds: inMemory, seed }))
    }
    for (const [name, start] of Object.entries(hosts))
      add('sockets', await runOnHost(name, start, { rounds: overSockets, seed }))
    for (const kind of ['postgres', 'redis'] as const)
      for (const tally of await overDatabase(kind, { rounds: overDatabases, seed }))
        add(kind, tally)

    const found = await controls(seed, progress)
    const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0)
    const wrong = sum((row) => row.wrong)
    const ok = wrong === 0 && found.every(({ foundAfter }) => foundAfter !== null)
    return { ok, seed, rounds: sum((row) => row.rounds), wrong, rows, controls: found }
  },
}

async function overDatabase(
  kind: 'postgres' | 'redis',
  rounds: { rounds: number; seed: number },
): Promise<Tally[]> {
  const backend = await startBackend(kind)
  const signingKey = await generateSigningKey()
  const tallies: Tally[] = []
  try {
    for (const feed of [false, true]) {
      const [one, two] = [
        await openStore(backend.address, { feed }),
        await openStore(backend.address, { feed }),
      ]
      const pair = createPair({ stores: [one.store, two.store], signingKey, feed })
      try {
        if (feed) await untilHeard(pair)
        for (const race of races.filter((each) => each.feed === feed))
          tallies.push(await runOver(pair, race, rounds, ROUNDS_AT_ONCE))
      } finally {
        for (const node of pair.nodes) await node.close()
        await one.close()
        await two.close()
      }
    }
  } finally {
    await backend.stop()
  }
  return tallies
}

// Waits until the feed delivers.
async function untilHeard({ nodes, told }: ReturnType<typeof createPair>): Promise<void> {
  const { key } = await nodes[0].keys.create({ name: 'n', scope: { tenants: '*', workflows: '*' } })
  let heard = false
  const hearing = told(key.id, 1).then(() => {
    heard = true
  })
  for (let change = 0; !heard; change++) await nodes[0].keys.update(key.id, { name: `n${change}` })
  await hearing
}

async function controls(seed: number, progress: Progress) {
  const found = []
  for (const race of races) {
    const [broken, part] = faults[race.name] ?? ['nothing', {}]
    const { wrong, rounds } = await runByTurns(race, {
      rounds: MOST_UNTIL_FOUND,
      seed,
      broken: part,
      untilWrong: true,
    })
    progress(
      `broken on purpose: ${race.name} ${wrong > 0 ? `found it after ${rounds} rounds` : 'did not find it'}`,
    )
    found.push({ race: race.name, broken, foundAfter: wrong > 0 ? rounds : null })
  }
  return found
}
