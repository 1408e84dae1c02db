import { createTwinkey } from 'twinkey'
import { type Address, openStore } from './backend.ts'

// One node of a fleet in its own process. It verifies some secrets continuously, and reports when
// each was last accepted.

/** Messages to a node. */
export type NodeOrder =
  | {
      readonly order: 'open'
      readonly address: Address
      readonly feed: boolean
      readonly maxAgeSeconds: number
    }
  | {
      readonly order: 'ask'
      readonly secrets: readonly string[]
      readonly everyMilliseconds: number
    }
  | { readonly order: 'stop' }

/**
 * Messages from a node. `lastLetIn` holds, for each secret, when the last accepted request arrived:
 * milliseconds of the machine's monotonic clock.
 */
export type NodeWord =
  | { readonly word: 'ready' | 'let in' | 'refused' }
  | {
      readonly word: 'stopped'
      readonly lastLetIn: readonly number[]
      readonly asked: number
      readonly others: number
    }

interface Asking {
  readonly lastLetIn: number[]
  asked: number
  /** Outcomes other than acceptance and `credential_invalid`. */
  others: number
  ended: boolean
}

const tell = (word: NodeWord) => process.send?.(word)
const clock = () => Number(process.hrtime.bigint()) / 1e6

let twinkey: ReturnType<typeof createTwinkey>
let asking: Asking | undefined

async function ask(secrets: readonly string[], everyMilliseconds: number): Promise<void> {
  const mine: Asking = { lastLetIn: secrets.map(() => 0), asked: 0, others: 0, ended: false }
  asking = mine
  let told: 'nothing' | 'let in' | 'refused' = 'nothing'
  while (!mine.ended) {
    let letIn = 0
    for (const [i, secret] of secrets.entries()) {
      const request = new Request('https://api.example/', {
        headers: { authorization: `Bearer ${secret}` },
      })
      const askedAt = clock()
      const decision = await twinkey.authenticate(request, { anyTarget: true })
      mine.asked++
      if (decision.ok) {
        letIn++
        mine.lastLetIn[i] = askedAt
      } else if (decision.refusal.code !== 'credential_invalid') mine.others++
    }
    if (told === 'nothing' && letIn === secrets.length) {
      told = 'let in'
      tell({ word: told })
    }
    if (told === 'let in' && letIn === 0) {
      told = 'refused'
      tell({ word: told })
    }
    await new Promise((resolve) => setTimeout(resolve, everyMilliseconds))
  }
  tell({ word: 'stopped', lastLetIn: mine.lastLetIn, asked: mine.asked, others: mine.others })
}

process.on('message', async (message: NodeOrder) => {
  if (message.order === 'open') {
    const { store } = await openStore(message.address, { feed: message.feed })
    twinkey = createTwinkey({ store, cache: { maxAgeSeconds: message.maxAgeSeconds } })
    tell({ word: 'ready' })
  }
  if (message.order === 'ask') await ask(message.secrets, message.everyMilliseconds)
  if (message.order === 'stop' && asking !== undefined) asking.ended = true
})
process.on('disconnect', () => process.exit())
