import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Issuer } from './issuer.ts'

/**
 * A load balancer in front of the issuer. `replace` sends new requests to another issuer and closes
 * the previous one after its last answer.
 */
export async function openFront(first: Issuer) {
  let current = first
  const open = new Map<Issuer, number>()
  const count = (issuer: Issuer, by: number) => open.set(issuer, (open.get(issuer) ?? 0) + by)
  const server = createServer((request, response) => {
    const issuer = current
    count(issuer, 1)
    response.once('close', () => count(issuer, -1))
    issuer.app.routing(request, response)
  })
  server.listen(0)
  await once(server, 'listening')

  async function leave(issuer: Issuer): Promise<void> {
    while (open.get(issuer)) await new Promise((resolve) => setTimeout(resolve, 5))
    await issuer.app.close()
  }

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    async replace(next: Issuer): Promise<void> {
      const last = current
      current = next
      await leave(last)
    },
    async close(): Promise<void> {
      server.close()
      server.closeAllConnections()
      await leave(current)
    },
  }
}
