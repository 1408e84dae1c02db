import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTwinkey, type HistoryEntry, type Keys } from 'twinkey'
import {
  firstArrivals,
  type Mood,
  type ReceivedEvent,
  startReceiver,
} from '../../examples/webhooks/receiver.ts'
import { openStore, startBackend } from './backend.ts'
import type { Figure, FigureOptions } from './figure.ts'
import type { SenderOrder } from './webhooks-sender.ts'

const SENDER = fileURLToPath(new URL('webhooks-sender.ts', import.meta.url))
const CHANGES_OF_ONE_KEY = 25
const MOODS: readonly Mood[] = ['works', 'works', 'fails', 'lost answer']

/**
 * Sends the history as webhooks to a receiver that fails half of the time. The sender is killed
 * again and again. The receiver gets every change, and the changes of each key in order.
 */
export const figure: Figure = {
  name: 'webhooks',
  title:
    'events that a receiver misses, or gets out of order, while it fails and the sender is killed',
  async run(options) {
    const row = await measure(options)
    const { events, lost, disordered, refused, kills } = row
    return { ok: events > 0 && lost + disordered + refused === 0 && kills > 0, ...row }
  },
}

async function measure({ quick, progress }: FigureOptions) {
  const [events, kills] = quick ? [500, 3] : [10_000, 10]
  const backend = await startBackend('postgres')
  const { store, close } = await openStore(backend.address, { feed: false })
  const twinkey = createTwinkey({ store, deadlineSeconds: 60 })
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-webhooks-'))
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  const receiver = await startReceiver(
    secret,
    () => MOODS[Math.floor(Math.random() * MOODS.length)] as Mood,
  )
  const order = { address: backend.address, url: receiver.url, secret, file: join(folder, 'state') }
  const began = performance.now()
  try {
    const writing = write(twinkey.keys, events)
    let sender = startSender(order)
    for (let kill = 1; kill <= kills; kill++) {
      await until(() => firstArrivals(receiver.received).length >= (events * kill) / (kills + 1))
      sender.kill('SIGKILL')
      await once(sender, 'exit')
      progress(`${firstArrivals(receiver.received).length} of ${events} events, ${kill} kills`)
      sender = startSender(order)
    }
    await writing
    const written = await entriesOf(twinkey.keys)
    await until(() => firstArrivals(receiver.received).length >= written.length)
    sender.kill('SIGKILL')
    await once(sender, 'exit')
    return {
      events: written.length,
      kills,
      ...compare(written, receiver.received),
      refused: receiver.refused(),
      seconds: Math.round((performance.now() - began) / 100) / 10,
    }
  } finally {
    await receiver.close()
    await twinkey.close()
    await close()
    await backend.stop()
    rmSync(folder, { recursive: true })
  }
}

function startSender(order: SenderOrder) {
  const child = fork(SENDER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  child.send(order)
  return child
}

async function write(keys: Keys, events: number): Promise<void> {
  const lane = async (share: number) => {
    for (let n = 0; n < share; n += CHANGES_OF_ONE_KEY) {
      const { key } = await keys.create({ name: 'k', scope: { tenants: ['t'], workflows: '*' } })
      for (let m = 1; m < CHANGES_OF_ONE_KEY; m++) await keys.update(key.id, { name: `k${m}` })
    }
  }
  await Promise.all(Array.from({ length: 4 }, () => lane(events / 4)))
}

async function entriesOf(keys: Keys): Promise<readonly HistoryEntry[]> {
  const entries: HistoryEntry[] = []
  let cursor: string | undefined
  do {
    const page = await keys.history({ limit: 100, ...(cursor === undefined ? {} : { cursor }) })
    entries.push(...page.entries)
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return entries.reverse()
}

function compare(written: readonly HistoryEntry[], received: readonly ReceivedEvent[]) {
  const arrived = firstArrivals(received)
  const ids = new Set(arrived.map(({ id }) => id))
  const latest = new Map<string, number>()
  let disordered = 0
  for (const { subject, time } of arrived) {
    const at = Date.parse(time)
    if (at <= (latest.get(subject) ?? 0)) disordered++
    latest.set(subject, at)
  }
  const lost = written.filter(({ id }) => !ids.has(id)).length
  return { lost, disordered, repeated: received.length - arrived.length }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 100))
}
