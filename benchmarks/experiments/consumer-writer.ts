import { createTwinkey } from 'twinkey'
import type { KeyStore } from 'twinkey/store'
import { type Address, openStore } from './backend.ts'

// One process that changes keys. It reports the ids of the entries that its store has acknowledged.

/** What a writer writes. */
export interface WriterOrder {
  readonly address: Address
  readonly entries: number
  /** One of so many writes waits before it is sent. */
  readonly lateOneIn: number
  readonly lateMilliseconds: number
}

/** The acknowledged entries, some in each message, and how many there are in the last one. */
export type WriterWord = { readonly entries: readonly string[] } | { readonly total: number }

const LANES = 4
const CHANGES_OF_ONE_KEY = 25
const BATCH = 500

process.once('message', async (order: WriterOrder) => {
  const { store, close } = await openStore(order.address, { feed: false })
  const total = await write(store, order)
  await close()
  process.send?.({ total } satisfies WriterWord, () => process.exit(0))
})
process.on('disconnect', () => process.exit())

async function write(store: KeyStore, order: WriterOrder): Promise<number> {
  let waiting: string[] = []
  let [begun, total] = [0, 0]
  const tell = () => {
    process.send?.({ entries: waiting } satisfies WriterWord)
    waiting = []
  }
  const acknowledged = (id: string) => {
    total++
    if (waiting.push(id) >= BATCH) tell()
  }
  const { keys, close } = createTwinkey({
    store: lateStore(store, order, acknowledged),
    deadlineSeconds: 60,
  })
  const lane = async () => {
    while (begun < order.entries) {
      begun++
      const { key } = await keys.create({ name: 'k', scope: { tenants: ['t'], workflows: '*' } })
      for (let n = 1; n < CHANGES_OF_ONE_KEY && begun < order.entries; n++) {
        begun++
        await keys.update(key.id, { name: `k${n}` })
      }
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  tell()
  await close()
  return total
}

// Some entries become visible much later than their time.
function lateStore(
  inner: KeyStore,
  { lateOneIn, lateMilliseconds }: WriterOrder,
  acknowledged: (id: string) => void,
): KeyStore {
  return {
    ...inner,
    async put(next, expected, entry, signal) {
      if (Math.random() * lateOneIn < 1)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * lateMilliseconds))
      const outcome = await inner.put(next, expected, entry, signal)
      if (outcome === 'stored' && entry !== undefined) acknowledged(entry.id)
      return outcome
    },
  }
}
