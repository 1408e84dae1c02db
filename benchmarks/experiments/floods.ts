import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Figure } from './figure.ts'
import type { FloodOrder, FloodWord } from './floods-order.ts'

const CHILD = fileURLToPath(new URL('floods-child.ts', import.meta.url))
const HEAP_BOUND_BYTES = 16 * 1024 * 1024
const NEGATIVE_ENTRIES = 10_000
// As for the figure `faults`: the time that a decision may take beyond its deadline on a busy
// machine.
const SLACK_MILLISECONDS = 500

interface Flood {
  readonly name: string
  readonly order: FloodOrder
  /** The conditions besides the limits of memory and time. */
  readonly holds: (word: FloodWord) => boolean
}

/** Measures the reads, memory and time of a million never issued secrets of each kind. */
export const figure: Figure = {
  name: 'floods',
  title:
    'store reads, memory and longest decision in a flood of invented secrets, with a store that answers, is slow or hangs',
  async run({ quick, progress }) {
    const count = quick ? 40_000 : 1_000_000
    const rows = []
    for (const { name, order, holds } of floodsOf(count)) {
      progress(name)
      const word = await unleash(order)
      const { heapGrowthBytes, ...rest } = word
      const bounded =
        heapGrowthBytes < HEAP_BOUND_BYTES &&
        word.longestServedMilliseconds <= order.deadlineSeconds * 1000 + SLACK_MILLISECONDS
      const ok = bounded && holds(word)
      rows.push({
        ok,
        name,
        count,
        ...rest,
        heapGrowthMiB: Math.round(heapGrowthBytes / 1024 / 102.4) / 10,
      })
    }
    return { ok: rows.every(({ ok }) => ok), rows }
  },
}

function floodsOf(count: number): readonly Flood[] {
  const common = { count, atOnce: 1000, deadlineSeconds: 2, peers: 1000 }
  const unknown = { ...common, secrets: 'unknown id', store: 'answers' } as const
  const refusedAll = ({ codes }: FloodWord, code: string) => codes[code] === count
  return [
    {
      name: 'bad checksum',
      order: { ...common, secrets: 'bad checksum', store: 'answers' },
      holds: (word) => word.storeReads === 0 && refusedAll(word, 'credential_invalid'),
    },
    {
      name: 'unknown id',
      order: unknown,
      holds: (word) =>
        word.storeReads === count &&
        word.remembered === NEGATIVE_ENTRIES &&
        refusedAll(word, 'credential_invalid'),
    },
    {
      name: 'unknown id, and the store takes 50 ms',
      order: { ...unknown, store: 'is slow', atOnce: 10_000 },
      holds: (word) =>
        word.storeReads === count &&
        word.remembered === NEGATIVE_ENTRIES &&
        refusedAll(word, 'credential_invalid'),
    },
    {
      name: 'unknown id, and the store hangs',
      order: { ...unknown, store: 'hangs', atOnce: 2000, deadlineSeconds: 0.2 },
      holds: (word) =>
        word.storeReads === count && word.remembered === 0 && refusedAll(word, 'unavailable'),
    },
    {
      // Each peer has one request in flight at a time, so the throttle is exact.
      name: 'unknown id, with a throttle that lets ten refused credentials through for each of 1,000 peers',
      order: { ...unknown, allowance: 10 },
      holds: ({ storeReads, codes }) =>
        storeReads === 10 * 1000 && codes['rate_limited'] === count - 10 * 1000,
    },
    {
      // A throttle is checked before a request and updated after it, so requests in flight do not
      // count yet.
      name: 'unknown id, from one peer, 1,000 at once, with the same throttle',
      order: { ...unknown, peers: 1, allowance: 10 },
      holds: ({ storeReads, codes }) =>
        storeReads < 10 + 1000 && codes['rate_limited'] === count - storeReads,
    },
  ]
}

function unleash(order: FloodOrder): Promise<FloodWord> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, {
      execArgv: [...process.execArgv, '--expose-gc'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    child.on('message', (word: FloodWord) => resolve(word))
    child.on('exit', (code) =>
      reject(new Error(`the flood ended with ${code} before it said what came of it`)),
    )
    child.send(order)
  })
}
