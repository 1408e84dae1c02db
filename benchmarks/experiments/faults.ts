import { type Address, startBackend } from './backend.ts'
import { type Fault, type Suffered, suffer } from './faults-bed.ts'
import type { Client } from './faults-node.ts'
import { portFaults } from './faults-port.ts'
import { DEADLINE_SECONDS, MAX_AGE_SECONDS } from './faults-traffic.ts'
import { locked, promotion, wireFaults } from './faults-wire.ts'
import type { Figure, FigureOptions } from './figure.ts'

const RECOVERS_WITHIN_SECONDS = 5
// A decision waits for the store once. The rest is time of this machine.
const SLACK_SECONDS = 0.5

const STORES: Readonly<Record<Client, Address['kind']>> = {
  pg: 'postgres',
  'node-redis': 'redis',
  ioredis: 'redis',
  '@libsql/client': 'sqlite',
}

// The faults for each group of clients.
const SORTS: readonly {
  readonly faults: Readonly<Record<string, Fault>>
  readonly clients: readonly Client[]
}[] = [
  { faults: wireFaults, clients: ['pg', 'node-redis', 'ioredis'] },
  { faults: portFaults, clients: ['pg', 'node-redis', '@libsql/client'] },
  {
    faults: { 'failover: killed, and its replica promoted': promotion },
    clients: ['node-redis', 'ioredis'],
  },
  { faults: { 'error: another process has the lock': locked }, clients: ['@libsql/client'] },
]

/**
 * Makes stores fail in every way while two nodes are under traffic. No request is wrongly accepted,
 * no active key is refused as invalid, no request waits longer than the deadline, no change is without
 * its entry of the history and no entry without its change, and everything recovers with the store. The clients are configured to give up silent connections.
 */
export const figure: Figure = {
  name: 'faults',
  title: 'the effect of store failures on requests, and the time to recover',
  async run(options) {
    const astray: string[] = []
    const rejected = (error: unknown) => void astray.push(`unhandled rejection: ${error}`)
    process.on('unhandledRejection', rejected)
    process.setUncaughtExceptionCaptureCallback(
      (error) => void astray.push(`uncaught exception: ${error}`),
    )
    try {
      const rows = await sufferAll(options)
      const ok = astray.length === 0 && rows.every(holds)
      return {
        ok,
        deadlineSeconds: DEADLINE_SECONDS,
        maxAgeSeconds: MAX_AGE_SECONDS,
        astray,
        worst: worstOf(rows),
        rows,
      }
    } finally {
      process.off('unhandledRejection', rejected)
      process.setUncaughtExceptionCaptureCallback(null)
    }
  },
}

type Row = Suffered & { readonly client: Client; readonly fault: string }

async function sufferAll({ quick, progress }: FigureOptions): Promise<Row[]> {
  const bed = async (
    client: Client,
    faults: readonly (readonly [string, Fault])[],
  ): Promise<Row[]> => {
    const backend = await startBackend(STORES[client])
    const rows: Row[] = []
    try {
      for (const [fault, happen] of faults) {
        const times = quick || happen === promotion ? 1 : 5
        const suffered = await suffer(happen, {
          backend,
          client,
          times,
          lastsMilliseconds: quick ? 1000 : 2000,
        })
        const { recoverySeconds } = suffered
        progress(
          `${client}, ${fault}: ${recoverySeconds === null ? 'it did not recover' : `recovered after ${recoverySeconds} s`}`,
        )
        rows.push({ client, fault, ...suffered })
      }
    } finally {
      await backend.stop()
    }
    return rows
  }
  const beds = SORTS.flatMap(({ faults, clients }) =>
    clients.map((client, i) => {
      const all = Object.entries(faults)
      // In a quick run each fault runs with one client, and all beds run at once, because each
      // mostly waits.
      return () => bed(client, quick ? all.filter((_, j) => j % clients.length === i) : all)
    }),
  )
  if (quick) return (await Promise.all(beds.map((begin) => begin()))).flat()
  const rows: Row[] = []
  for (const begin of beds) rows.push(...(await begin()))
  return rows
}

function holds({ felt, recoverySeconds, counts, entries, unlike }: Suffered): boolean {
  const { wronglyAccepted, wronglyRefused, strange, longestMilliseconds } = counts
  return (
    felt > 0 &&
    entries > 0 &&
    unlike.length === 0 &&
    wronglyAccepted + wronglyRefused + strange.length === 0 &&
    longestMilliseconds <= (DEADLINE_SECONDS + SLACK_SECONDS) * 1000 &&
    recoverySeconds !== null &&
    recoverySeconds <= RECOVERS_WITHIN_SECONDS
  )
}

function worstOf(rows: readonly Row[]) {
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0)
  const recoveries = rows.map(({ recoverySeconds }) => recoverySeconds)
  return {
    decisions: sum(({ counts }) => counts.decisions),
    wronglyAccepted: sum(({ counts }) => counts.wronglyAccepted),
    wronglyRefused: sum(({ counts }) => counts.wronglyRefused),
    changedKeys: sum(({ changedKeys }) => changedKeys),
    entries: sum(({ entries }) => entries),
    unlike: sum(({ unlike }) => unlike.length),
    longestMilliseconds: Math.max(...rows.map(({ counts }) => counts.longestMilliseconds)),
    recoverySeconds: recoveries.includes(null) ? null : Math.max(...recoveries.map(Number)),
  }
}
