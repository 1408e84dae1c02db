import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sendRaw } from './raw-http.ts'

/**
 * Whether Node's server answers 431 to a request with more than a thousand headers, as later
 * versions do before any handler runs. Earlier versions silently drop all headers after the
 * 2,000th.
 */
export async function nodeRefusesManyHeaders(): Promise<boolean> {
  const server = createServer((_request, response) => void response.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const headers = Array.from({ length: 1000 }, () => ['a', '1'] as const)
  const { status } = await sendRaw((server.address() as AddressInfo).port, { target: '/', headers })
  server.close()
  if (status !== 200 && status !== 431)
    throw new Error(`a server of Node answered ${status} to many headers`)
  return status === 431
}
