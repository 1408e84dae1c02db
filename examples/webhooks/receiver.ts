import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

/** An event as the receiver gets it. */
export interface ReceivedEvent {
  readonly specversion: string
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  readonly time: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What happens to a delivery: `lost answer` takes the event and fails afterwards. */
export type Mood = 'works' | 'fails' | 'lost answer'

/** A server that verifies each delivery by the library of Standard Webhooks. */
export interface Receiver {
  readonly url: string
  /** Every event in the order of its arrival, also repeated ones. */
  readonly received: readonly ReceivedEvent[]
  /** The number of deliveries with a wrong signature. */
  refused(): number
  close(): Promise<void>
}

export async function startReceiver(secret: string, mood: () => Mood): Promise<Receiver> {
  const webhook = new Webhook(secret)
  const received: ReceivedEvent[] = []
  let refused = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const now = mood()
    if (now === 'fails') return void response.writeHead(500).end()
    try {
      const headers = request.headers as Record<string, string>
      received.push(webhook.verify(Buffer.concat(chunks).toString(), headers) as ReceivedEvent)
      response.writeHead(now === 'works' ? 204 : 500).end()
    } catch {
      refused++
      response.writeHead(400).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received,
    refused: () => refused,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The first arrival of each event, as a receiver keeps it that removes repeated ids. */
export function firstArrivals(received: readonly ReceivedEvent[]): readonly ReceivedEvent[] {
  const seen = new Set<string>()
  return received.filter(({ id }) => !seen.has(id) && seen.add(id))
}
