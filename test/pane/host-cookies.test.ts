import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { mount as mountExpress } from 'twinkey/express'
import { mount as mountFastify } from 'twinkey/fastify'
import { mount as mountHono } from 'twinkey/hono'
import { afterEach, expect, test } from 'vitest'
import { createPane } from './pane-fixture.ts'

const pane = () =>
  createPane({
    authorize: () => new Response(null, { status: 302, headers: { 'Set-Cookie': 'own=1' } }),
  })

let close: () => unknown = () => {}
afterEach(() => close())

async function onExpress(): Promise<string[]> {
  const app = express()
  app.use((_req, res, next) => {
    res.cookie('host', '1')
    next()
  }, mountExpress(pane()))
  const server = app.listen(0, '127.0.0.1')
  close = () => server.close()
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const answer = await fetch(`http://127.0.0.1:${port}/`, { redirect: 'manual' })
  return answer.headers.getSetCookie()
}

async function onFastify(): Promise<string[]> {
  const app = fastify()
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('set-cookie', 'host=1; Path=/')
  })
  app.register(mountFastify(pane()))
  close = () => app.close()
  const { headers } = await app.inject('/')
  return [headers['set-cookie'] ?? []].flat()
}

async function onHono(): Promise<string[]> {
  const app = new Hono()
  app.use(async (c, next) => {
    c.header('set-cookie', 'host=1; Path=/')
    await next()
  })
  app.use('/*', mountHono(pane()))
  return (await app.request('/')).headers.getSetCookie()
}

test.each([
  ['Express', onExpress],
  ['Fastify', onFastify],
  ['Hono', onHono],
])(
  'cookies that the host has set before stay beside those of an answer: %s',
  async (_name, ask) => {
    expect((await ask()).sort()).toEqual(['host=1; Path=/', 'own=1'])
  },
)
