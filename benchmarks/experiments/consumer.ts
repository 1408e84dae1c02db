import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createTwinkey, type HistoryStep, type Keys } from 'twinkey'
import { type Address, openStore, startBackend } from './backend.ts'
import type { WriterOrder, WriterWord } from './consumer-writer.ts'
import type { Figure, FigureOptions } from './figure.ts'

const WRITER = fileURLToPath(new URL('consumer-writer.ts', import.meta.url))
const PAGE = 100
const PAUSE_MILLISECONDS = 200
// Longer than the history repeats its entries.
const PATIENCE_MILLISECONDS = 150_000

/**
 * Reads the history with a consumer while several processes write it. Some writes wait, so that
 * their entries appear behind others of a later time. The consumer sees every entry.
 */
export const figure: Figure = {
  name: 'consumer',
  title: 'entries of the history that a consumer misses while several processes write, and repeats',
  async run(options) {
    const rows = []
    for (const kind of ['postgres', 'redis'] as const) rows.push(await measure(kind, options))
    const ok = rows.every(
      ({ written, entries, lost, unknown, late }) =>
        written === entries && lost + unknown === 0 && late > 0,
    )
    return { ok, rows }
  },
}

async function measure(kind: Address['kind'], { quick, progress }: FigureOptions) {
  const backend = await startBackend(kind)
  const [entries, processes] = quick ? [1000, 4] : [100_000, 8]
  const { store, close } = await openStore(backend.address, { feed: false })
  const twinkey = createTwinkey({ store, deadlineSeconds: 60 })
  try {
    const written = new Set<string>()
    const began = performance.now()
    const order: WriterOrder = {
      address: backend.address,
      entries: entries / processes,
      lateOneIn: quick ? 50 : 500,
      lateMilliseconds: 2000,
    }
    const writers = Array.from({ length: processes }, () => startWriter(order, written))
    const isOver = { written: false }
    const writing = Promise.all(writers).then(() => {
      isOver.written = true
      return Math.round((performance.now() - began) / 100) / 10
    })
    const consumed = await consume(twinkey.keys, written, isOver, (seen) =>
      progress(`${kind}: ${seen} of ${entries} entries`),
    )
    return {
      store: kind,
      processes,
      entries,
      written: written.size,
      seconds: await writing,
      ...consumed,
    }
  } finally {
    await twinkey.close()
    await close()
    await backend.stop()
  }
}

function startWriter(order: WriterOrder, written: Set<string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(WRITER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    let count = 0
    child.on('message', (word: WriterWord) => {
      if ('entries' in word) {
        count += word.entries.length
        for (const id of word.entries) written.add(id)
      } else if (word.total === count) resolve()
    })
    child.on('exit', (code) => reject(new Error(`a writer ended with ${code} before it was done`)))
    child.send(order)
  })
}

/** Reads until all that was written was seen, or for longer than entries are repeated. */
async function consume(
  keys: Keys,
  written: ReadonlySet<string>,
  isOver: { readonly written: boolean },
  told: (seen: number) => void,
) {
  const seen = new Set<string>()
  let [read, calls, late, newest, shown] = [0, 0, 0, 0, 0]
  let cursor: string | number = Date.now() - 1000
  let endsAt = Number.POSITIVE_INFINITY
  const isComplete = () => isOver.written && [...written].every((id) => seen.has(id))
  while (performance.now() < endsAt) {
    const step: HistoryStep = await keys.history({ after: cursor, limit: PAGE })
    cursor = step.nextCursor
    calls++
    read += step.entries.length
    for (const { id, at } of step.entries) {
      if (seen.has(id)) continue
      seen.add(id)
      // A consumer that never reads again behind its place would miss these.
      if (at < newest) late++
      newest = Math.max(newest, at)
    }
    if (seen.size - shown >= 10_000) {
      shown = seen.size
      told(seen.size)
    }
    if (step.hasMore) continue
    if (isComplete()) break
    if (isOver.written && endsAt === Number.POSITIVE_INFINITY)
      endsAt = performance.now() + PATIENCE_MILLISECONDS
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS))
  }
  const lost = [...written].filter((id) => !seen.has(id)).length
  const unknown = [...seen].filter((id) => !written.has(id)).length
  return { calls, seen: seen.size, lost, unknown, late, repeated: read - seen.size }
}
