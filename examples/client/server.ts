// The API of the example: it exchanges the secrets of keys for tokens, and accepts only tokens.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { type Twinkey, tokenEndpoints } from 'twinkey'
import { mount, requireAuth } from 'twinkey/express'
import { stopServer } from '../stop-server.ts'

/** The running API. */
export interface Api {
  readonly url: string
  /** The number of exchanges that it has answered. */
  exchanges(): number
  stop(): Promise<void>
}

export async function startApi(twinkey: Twinkey): Promise<Api> {
  let exchanges = 0
  const app = express()
  app.post('/tokens', (_req, _res, next) => {
    exchanges++
    next()
  })
  app.use('/tokens', mount(tokenEndpoints(twinkey)))
  app.get(
    '/customers',
    requireAuth(twinkey, { workflow: 'customers.read', accept: ['token'] }),
    (_req, res) => void res.json(['Ada Lovelace']),
  )
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges: () => exchanges,
    stop: () => stopServer(server),
  }
}
