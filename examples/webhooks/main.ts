// Webhooks about changes to keys: npm run example webhooks
//
// A sender reads the history and posts each change to a receiver, which verifies it by the library
// of Standard Webhooks. The receiver is down for a while, and the sender is stopped and started.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTwinkey } from 'twinkey'
import { part } from '../call.ts'
import { firstArrivals, type Mood, startReceiver } from './receiver.ts'
import { send } from './sender.ts'

const folder = mkdtempSync(join(tmpdir(), 'webhooks-'))
const secret = `whsec_${randomBytes(32).toString('base64')}`
let mood: Mood = 'works'
const receiver = await startReceiver(secret, () => mood)
const { keys } = createTwinkey({ prefixes: ['acme'] })

function startSender(): () => Promise<void> {
  const stop = new AbortController()
  const sending = send(
    {
      keys,
      url: receiver.url,
      secret,
      file: join(folder, 'state.json'),
      source: 'https://api.acme.example/keys',
      pollMilliseconds: 20,
      retryMilliseconds: 20,
      maxRetryMilliseconds: 1000,
    },
    stop.signal,
  )
  return async () => {
    stop.abort()
    await sending
  }
}

let printed = 0
async function showArrivals(until: number): Promise<void> {
  while (firstArrivals(receiver.received).length < until)
    await new Promise((resolve) => setTimeout(resolve, 10))
  for (const { type, data } of firstArrivals(receiver.received).slice(printed))
    console.log(`  ${type}: ${data['name']}`)
  printed = until
}

try {
  const scope = { tenants: ['t1'], workflows: ['read'] }
  let stopSender = startSender()
  part('A key and its rotation')
  const { key } = await keys.create({ name: 'Billing', scope })
  await keys.rotate(key.id, { replace: 'secondary' })
  await showArrivals(2)

  part('While the receiver is down, and then loses its answers')
  mood = 'fails'
  await keys.disable(key.id)
  await keys.enable(key.id)
  await new Promise((resolve) => setTimeout(resolve, 100))
  console.log(`  ${firstArrivals(receiver.received).length - printed} arrived`)
  mood = 'lost answer'
  await showArrivals(3)
  mood = 'works'
  await showArrivals(4)

  part('While the sender is stopped')
  await stopSender()
  await keys.revoke(key.id)
  stopSender = startSender()
  await showArrivals(5)
  await stopSender()
  console.log(`  ${receiver.refused()} had a wrong signature`)
} finally {
  await receiver.close()
  rmSync(folder, { recursive: true })
}
