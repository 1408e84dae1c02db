import { readFileSync } from 'node:fs'
import { Agent, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ServerType, serve } from '@hono/node-server'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import * as onExpress from 'twinkey/express'
import * as onFastify from 'twinkey/fastify'
import * as onHono from 'twinkey/hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stopServer } from '../../examples/stop-server.ts'
import { type Callers, createCallers } from './callers.ts'

const CLIENTS = 40
const DEADLINE_SECONDS = 5

type Serve = (callers: Callers, answer: () => Promise<object>) => Promise<Server>

const requirement = { workflow: 'flows.read' } as const
const listening = async (server: Server | ServerType) => {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return server as Server
}
const servers: Readonly<Record<string, Serve>> = {
  Express({ twinkey }, answer) {
    const app = express()
    app.get(
      '/flows',
      onExpress.requireAuth(twinkey, requirement),
      async (_req, res) => void res.json(await answer()),
    )
    return listening(app.listen(0, '127.0.0.1'))
  },
  async Fastify({ twinkey }, answer) {
    const app = fastify()
    app.get('/flows', { onRequest: onFastify.requireAuth(twinkey, requirement) }, answer)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return app.server
  },
  Hono({ twinkey }, answer) {
    const app = new Hono().get('/flows', onHono.requireAuth(twinkey, requirement), async (c) =>
      c.json(await answer()),
    )
    return listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }))
  },
}

describe.each(Object.entries(servers))('stopping a server of %s', (_name, start) => {
  let callers: Callers
  beforeAll(async () => {
    callers = await createCallers()
  })
  afterAll(() => callers.twinkey.close())

  test('ends before the deadline while keep-alive clients keep sending, and cuts off no answer', async () => {
    const server = await start(callers, async () => ({ ok: true }))
    const { port } = server.address() as AddressInfo
    let isStopped = false
    let answered = 0
    const broken: unknown[] = []
    const clients = Array.from({ length: CLIENTS }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      while (!isStopped) {
        await call(port, agent, callers.secrets.t1).then(
          (status) => (status === 200 ? answered++ : broken.push(status)),
          (error) =>
            ['ECONNREFUSED', 'ECONNRESET'].includes(error.code) && !error.begun
              ? undefined
              : broken.push(error),
        )
      }
      agent.destroy()
    })
    while (answered < CLIENTS * 5) await new Promise((resolve) => setImmediate(resolve))
    const began = performance.now()
    await stopServer(server, DEADLINE_SECONDS)
    const took = performance.now() - began
    isStopped = true
    await Promise.all(clients)
    expect(broken).toEqual([])
    expect(took).toBeLessThan((DEADLINE_SECONDS * 1000) / 2)
  })

  test('answers the request in progress, and then ends', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => (release = resolve))
    let entered = () => {}
    const isUnderWay = new Promise<void>((resolve) => (entered = resolve))
    const server = await start(callers, async () => {
      entered()
      await gate
      return { ok: true }
    })
    const agent = new Agent({ keepAlive: true })
    const answer = call((server.address() as AddressInfo).port, agent, callers.secrets.t1)
    await isUnderWay
    const stopped = stopServer(server, DEADLINE_SECONDS)
    release()
    expect(await answer).toBe(200)
    await stopped
    agent.destroy()
  })

  test('cuts off a request that is unanswered at the deadline', async () => {
    const server = await start(callers, () => new Promise(() => {}))
    const answer = call((server.address() as AddressInfo).port, new Agent(), callers.secrets.t1)
    const refused = expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' })
    await new Promise((resolve) => server.once('request', resolve))
    await stopServer(server, 0.05)
    await refused
  })
})

test('the page about stopping shows the helper of the examples unchanged', () => {
  const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  expect(read('docs/stores.md')).toContain(`\`\`\`ts\n${read('examples/stop-server.ts')}`)
})

function call(port: number, agent: Agent, secret: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let begun = false
    const headers = { authorization: `Bearer ${secret}` }
    get({ port, host: '127.0.0.1', path: '/flows', agent, headers }, (response) => {
      begun = true
      response.on('error', (error) => reject(Object.assign(error, { begun })))
      response.resume().on('end', () => resolve(response.statusCode))
    }).on('error', (error) => reject(Object.assign(error, { begun })))
  })
}
