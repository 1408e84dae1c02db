import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import express4 from 'express4'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import type { Twinkey } from 'twinkey'
import { requireAuth as expressAuth } from 'twinkey/express'
import { requireAuth as fastifyAuth } from 'twinkey/fastify'
import { requireAuth as honoAuth } from 'twinkey/hono'
import { requireAuth as webAuth } from 'twinkey/web'
import { describe, expect, test } from 'vitest'
import { createBench } from '../support/bench.ts'
import { countingLimiter } from '../support/counting-limiter.ts'

const ANY = { anyTarget: true } as const
const OWN = { ratelimit: '"own";r=7;t=7', 'ratelimit-policy': '"own";q=9;w=9', 'x-own': 'yes' }

type Send = (path: string, headers: Record<string, string>) => Promise<Response>
type Start = (twinkey: Twinkey) => Promise<{ send: Send; close?: () => unknown }>

// On each host, the handler of /own sets the headers itself, and that of /plain sets none.
const starts: Readonly<Record<string, Start>> = {
  'Express 5': (twinkey) => startExpress(express, twinkey),
  'Express 4': (twinkey) => startExpress(express4, twinkey),
  async Fastify(twinkey) {
    const app = fastify()
    const options = { onRequest: fastifyAuth(twinkey, ANY) }
    app.get('/plain', options, async () => 'ok')
    app.get('/own', options, async (_request, reply) => reply.headers(OWN).send('ok'))
    const origin = await app.listen({ port: 0, host: '127.0.0.1' })
    return {
      send: (path, headers) => fetch(origin + path, { headers }),
      close: () => app.close(),
    }
  },
  async Hono(twinkey) {
    const app = new Hono()
    app.get('/plain', honoAuth(twinkey, ANY), (c) => c.text('ok'))
    app.get('/own', honoAuth(twinkey, ANY), (c) => c.text('ok', 200, OWN))
    return { send: async (path, headers) => app.request(path, { headers }) }
  },
  async 'a plain handler'(twinkey) {
    const handler = webAuth(twinkey, ANY, ({ url }) => {
      const headers = url.endsWith('/own') ? OWN : undefined
      return new Response('ok', headers && { headers })
    })
    return { send: (path, headers) => handler(new Request(`http://localhost${path}`, { headers })) }
  },
}

async function startExpress(framework: typeof express, twinkey: Twinkey) {
  const app = framework()
  const guard = expressAuth(twinkey, ANY)
  app.get('/plain', guard, (_req, res) => void res.send('ok'))
  app.get('/own', guard, (_req, res) => void res.set(OWN).send('ok'))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const send: Send = (path, headers) => fetch(`http://127.0.0.1:${port}${path}`, { headers })
  return { send, close: () => server.close() }
}

describe.each(Object.entries(starts))('the headers of a handler on %s', (_host, start) => {
  test('replace those about limits', async () => {
    const { twinkey } = createBench({ limiter: countingLimiter() })
    const { primary } = await twinkey.keys.create({
      name: 'n',
      scope: { tenants: '*', workflows: '*' },
      limits: [{ requests: 3, perSeconds: 60 }],
    })
    const { send, close } = await start(twinkey)
    const seen = async (path: string, headers: Record<string, string>) => {
      const answer = await send(path, headers)
      const names = ['ratelimit', 'ratelimit-policy', 'x-own', 'cache-control']
      return [answer.status, ...names.map((name) => answer.headers.get(name))]
    }
    const own = ['"own";r=7;t=7', '"own";q=9;w=9', 'yes']
    const bearer = { authorization: `Bearer ${primary}` }
    expect(await seen('/plain', bearer)).toEqual([
      200,
      '"60s";r=2;t=60',
      '"60s";q=3;w=60',
      null,
      null,
    ])
    expect(await seen('/own', bearer)).toEqual([200, ...own, null])
    // A key in its own header also needs no-store, which does not depend on the limits.
    expect(await seen('/own', { 'x-api-key': primary })).toEqual([200, ...own, 'no-store'])
    expect(await seen('/own', bearer)).toEqual([
      429,
      '"60s";r=0;t=60',
      '"60s";q=3;w=60',
      null,
      'no-store',
    ])
    await close?.()
  })
})
