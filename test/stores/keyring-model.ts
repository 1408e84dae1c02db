import fc from 'fast-check'
import type { KeyStore, Scope } from 'twinkey'
import { createTestClock } from 'twinkey/testing'
import { OWNERS, sequences } from './keyring-model-commands.ts'
import { createNodes, NODES } from './keyring-model-nodes.ts'
import { EVERYTHING } from './keyring-model-scope.ts'
import type { KeyringModel } from './keyring-model-state.ts'
import { Timeline } from './keyring-model-timeline.ts'

const DAY_MILLISECONDS = 86_400_000

export interface KeyringModelOptions {
  readonly runs: number
  /** Maximum number of commands of one run. */
  readonly commands: number
  /** How long a feed may take to report a change, in milliseconds. */
  readonly feedMilliseconds?: number
  /** From the output of a failure, to reproduce it. */
  readonly seed?: number
  readonly path?: string
  readonly replayPath?: string
}

/**
 * Runs random commands on several nodes over one store and on a plain model of them, and fails
 * where they differ. The error has the shortest failing list of commands, and the seed to reproduce
 * it.
 *
 * The model follows the documentation. Where the documentation allows several results, such as how
 * much of a change a node without a feed has seen within `cache.maxAgeSeconds`, the model allows
 * these and nothing else.
 *
 * @param open Opens another instance of the store on the same backend, which may hold other
 *   records. Its history is forgotten after each run. Called four times.
 * @returns How often each command had each outcome.
 */
export async function keyringModel(
  open: () => Promise<KeyStore>,
  options: KeyringModelOptions,
): Promise<ReadonlyMap<string, number>> {
  const { runs, commands, feedMilliseconds = 5000, replayPath, ...replay } = options
  const stores: KeyStore[] = []
  for (let instance = 0; instance <= NODES; instance++) stores.push(await open())
  const tally = new Map<string, number>()
  const series = Math.random().toString(36).slice(2, 10)
  let count = 0

  const property = fc.asyncProperty(sequences(commands, replayPath), async (sequence) => {
    const model = createModel(`${series}-${count++}`, tally)
    const nodes = await createNodes(
      stores,
      model.run,
      model.clock.now,
      (owner) => model.owners.get(owner)?.latest,
      feedMilliseconds,
    )
    try {
      await fc.asyncModelRun(() => ({ model, real: nodes }), sequence)
    } finally {
      for (const [id, { latest }] of model.keys)
        if (latest !== undefined) await nodes.twinkeys[0]?.keys.delete(id).catch(() => {})
      // So that later runs, which begin at the same time, do not read through it.
      await nodes.twinkeys[0]?.keys.forgetHistory(model.clock.now() + DAY_MILLISECONDS)
      await nodes.close()
    }
  })
  await fc.assert(property, { numRuns: runs, ...replay })
  return tally
}

function createModel(run: string, tally: Map<string, number>): KeyringModel {
  const clock = createTestClock()
  const owners = new Map(
    OWNERS.map((owner) => [
      `${run}-${owner}`,
      new Timeline<Scope | undefined>(EVERYTHING, clock.now()),
    ]),
  )
  return {
    run,
    clock,
    owners,
    keys: new Map(),
    secrets: [],
    tokens: [],
    uses: new Map(),
    entries: [],
    ids: new Set(),
    forgotten: new Set(),
    consumer: { after: 0, seen: new Map() },
    untold: false,
    tally,
  }
}
