import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sendRaw } from './raw-http.ts'

/**
 * Whether Node's own server answers 431 to a request with a thousand headers and more, as later
 * versions do, before anything of ours is asked. Earlier ones drop what comes after the 2,000th and
 * say so to nobody.
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
