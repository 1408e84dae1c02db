import { createTwinkey } from 'twinkey'
import { send } from '../../examples/webhooks/sender.ts'
import { type Address, openStore } from './backend.ts'

// A process that sends webhooks until it is killed.

/** What a sender sends, and where to. */
export interface SenderOrder {
  readonly address: Address
  readonly url: string
  readonly secret: string
  readonly file: string
}

process.once('message', async ({ address, ...rest }: SenderOrder) => {
  const { store } = await openStore(address, { feed: false })
  const { keys } = createTwinkey({ store })
  const waits = { pollMilliseconds: 200, retryMilliseconds: 20, maxRetryMilliseconds: 1000 }
  await send({ keys, source: 'urn:figure', ...rest, ...waits }, new AbortController().signal)
})
process.on('disconnect', () => process.exit())
