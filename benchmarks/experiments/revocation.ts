import { createTwinkey } from 'twinkey'
import { type Backend, openStore, startBackend } from './backend.ts'
import type { Figure, Progress } from './figure.ts'
import { type FleetNode, startNode } from './fleet.ts'
import { quantiles } from './quantiles.ts'

const NODES = 8
const MAX_AGE_SECONDS = 1

/**
 * Measures the time from `await disable()` to the last request that any of eight processes accepts,
 * with the feed and with the feed cut.
 */
export const figure: Figure = {
  name: 'revocation',
  title: 'how long other nodes still accept a disabled key',
  async run({ quick, progress }) {
    const trials = quick ? 20 : 1000
    const rows = []
    for (const kind of ['postgres', 'redis'] as const) {
      const backend = await startBackend(kind)
      try {
        rows.push(await measure(backend, { feed: true, trials, atOnce: 1, progress }))
        rows.push(
          await measure(backend, { feed: false, trials, atOnce: quick ? 20 : 50, progress }),
        )
      } finally {
        await backend.stop()
      }
    }
    const ok = rows.every(
      ({ trials: done, others, milliseconds }) =>
        done === trials && others === 0 && milliseconds.max <= MAX_AGE_SECONDS * 1000,
    )
    return { ok, nodes: NODES, maxAgeSeconds: MAX_AGE_SECONDS, rows }
  },
}

interface Setting {
  readonly feed: boolean
  readonly trials: number
  /** How many keys are disabled in sequence before waiting. */
  readonly atOnce: number
  readonly progress: Progress
}

async function measure(backend: Backend, { feed, trials, atOnce, progress }: Setting) {
  const { store, close } = await openStore(backend.address, { feed: false })
  const admin = createTwinkey({ store })
  const nodes = await Promise.all(
    Array.from({ length: NODES }, () =>
      startNode(backend.address, { feed, maxAgeSeconds: MAX_AGE_SECONDS }),
    ),
  )
  const times: number[] = []
  let others = 0
  let asked = 0
  try {
    for (let done = 0; done < trials; done += atOnce) {
      const round = await trial(admin, nodes, atOnce)
      times.push(...round.times)
      others += round.others
      asked += round.asked
      progress(
        `${backend.address.kind}, ${feed ? 'with the feed' : 'feed cut'}: ${times.length} of ${trials}`,
      )
    }
  } finally {
    for (const node of nodes) node.end()
    await admin.close()
    await close()
  }
  return {
    store: backend.address.kind,
    feed,
    trials: times.length,
    asked,
    others,
    milliseconds: quantiles(times),
  }
}

async function trial(
  admin: ReturnType<typeof createTwinkey>,
  nodes: readonly FleetNode[],
  atOnce: number,
) {
  const keys = await Promise.all(
    Array.from({ length: atOnce }, () =>
      admin.keys.create({ name: 'trial', scope: { tenants: ['t'], workflows: '*' } }),
    ),
  )
  const secrets = keys.map(({ primary }) => primary)
  // With many keys, each is requested less often, so that the nodes have spare time.
  await Promise.all(nodes.map((node) => node.ask(secrets, atOnce === 1 ? 1 : 5)))
  const disabledAt: number[] = []
  for (const { key } of keys) {
    await admin.keys.disable(key.id)
    disabledAt.push(Number(process.hrtime.bigint()) / 1e6)
  }
  await Promise.all(nodes.map((node) => node.refused()))
  const words = await Promise.all(nodes.map((node) => node.stop()))
  return {
    times: disabledAt.map((at, i) =>
      Math.max(0, ...words.map(({ lastLetIn }) => (lastLetIn[i] ?? 0) - at)),
    ),
    others: words.reduce((sum, word) => sum + word.others, 0),
    asked: words.reduce((sum, word) => sum + word.asked, 0),
  }
}
