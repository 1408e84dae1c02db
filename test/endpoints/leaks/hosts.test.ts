import { once } from 'node:events'
import express from 'express'
import { mount } from 'twinkey/express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { everyHost, type Host, sendTo } from '../../http/hosts.ts'
import { createBench } from '../../support/bench.ts'
import { sendRaw } from '../../support/raw-http.ts'
import {
  createLeaks,
  createSigner,
  headersOf,
  type KeyServer,
  matchOf,
  startKeyServer,
} from './scene.ts'

const SCOPE = { tenants: ['acme'], workflows: ['read'] }
const signer = createSigner()
let keyServer: KeyServer
beforeAll(async () => {
  keyServer = await startKeyServer(signer.listed)
})
afterAll(() => keyServer.close())

describe.each(Object.entries(everyHost))('on %s', (_, start) => {
  const { twinkey } = createBench()
  let host: Host
  beforeAll(async () => {
    const { endpoints } = createLeaks(twinkey, keyServer, signer)
    host = await start(twinkey, { routes: [], tokens: {}, endpoints: { '/leaks': endpoints } })
  })
  afterAll(() => host.close())

  const send = (body: string, headers: Record<string, string> = headersOf(signer, body)) =>
    sendTo(host, {
      method: 'POST',
      target: '/leaks/github',
      headers: [
        ...Object.entries(headers),
        ['Content-Length', String(Buffer.byteLength(body))] as const,
      ],
      body,
    })

  it('a signed report of 500 KB ends a key, byte for byte as it was signed', async () => {
    const { key, primary } = await twinkey.keys.create({ name: 'shop', scope: SCOPE })
    const others = Array.from({ length: 2000 }, (_, i) =>
      matchOf(`made-up ${i}`, { url: 'x'.repeat(210) }),
    )
    const body = JSON.stringify([...others, matchOf(primary)], null, 1)
    expect(body.length).toBeGreaterThan(500_000)
    const { status, body: text } = await send(body)
    expect(status).toBe(200)
    expect(JSON.parse(text).at(-1).label).toBe('true_positive')
    expect((await twinkey.keys.get(key.id))?.state).toBe('disabled')
  })

  it('a report without a signature, with a wrong one and with too many bytes is 403', async () => {
    const { key, primary } = await twinkey.keys.create({ name: 'shop', scope: SCOPE })
    const body = JSON.stringify([matchOf(primary)])
    const large = body.padEnd(2 * 1024 * 1024 + 1)
    for (const { status } of [
      await send(body, {}),
      await send(body, headersOf(createSigner(signer.id), body)),
      await send(large),
    ])
      expect(status).toBe(403)
    expect((await twinkey.keys.get(key.id))?.state).toBe('active')
  })

  it('other methods are 405', async () => {
    expect((await sendTo(host, { target: '/leaks/github' })).status).toBe(405)
  })
})

it('behind a body parser, a report is an error that says what to do, and ends nothing', async () => {
  const { twinkey } = createBench()
  const { endpoints } = createLeaks(twinkey, keyServer, signer)
  const errors: Error[] = []
  const app = express()
    .use(express.json())
    .use('/leaks', mount(endpoints))
    .use((error: Error, _req: unknown, res: express.Response, _next: unknown) => {
      errors.push(error)
      res.status(500).end()
    })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const { key, primary } = await twinkey.keys.create({ name: 'shop', scope: SCOPE })
  const body = JSON.stringify([matchOf(primary)])
  const headers = Object.entries({
    ...headersOf(signer, body),
    'Content-Length': String(body.length),
  })
  const { status } = await sendRaw(port, { method: 'POST', target: '/leaks/github', headers, body })
  server.close()
  expect([status, errors[0]?.message]).toEqual([
    500,
    expect.stringContaining('Mount leakEndpoints before express.json()'),
  ])
  expect((await twinkey.keys.get(key.id))?.state).toBe('active')
})
