import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import express4 from 'express4'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { createTwinkey, tokenEndpoints, type WireRequest } from 'twinkey'
import { createGuard, NodeWireRequest, WebWireRequest } from 'twinkey/http'
import { createVerifier } from 'twinkey/verifier'
import { mount, requireAuth } from 'twinkey/web'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const twinkey = createTwinkey({ environments: ['production'] })
const { key, primary } = await twinkey.keys.create({
  name: 'Caller',
  scope: { tenants: ['t1'], workflows: ['flows.read'] },
})
const verifier = createVerifier({
  jwks: await twinkey.tokens.jwks(),
  issuer: 'https://api.example.com',
  audience: 'https://api.example.com',
})
const requirement = { workflow: 'flows.read' }
const headers = { authorization: `Bearer ${primary}` }

// Requests and contexts as the hosts make them, kept after their answer.
const received: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  'a string': '/flows',
  'an empty object': {},
  // As the context of Koa and that of a GraphQL server.
  'a context with its headers': { header: headers, headers, method: 'GET', url: '/', req: {} },
  'a context with a request': { request: new Request('http://localhost/', { headers }) },
}
const late = ['Node', 'Express 5', 'Express 4', 'Fastify', 'the context of Hono'] as const

beforeAll(async () => {
  const take = (name: string) => (req: IncomingMessage, res: { end(): unknown }) => {
    received[name] = req
    res.end()
  }
  for (const [name, app] of [
    ['Node', take('Node')],
    ['Express 5', express().get('/', take('Express 5') as never)],
    ['Express 4', express4().get('/', take('Express 4') as never)],
  ] as const) {
    const server = createServer(app as never).listen(0, '127.0.0.1')
    await once(server, 'listening')
    await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, { headers })
    server.close()
    expect(received[name]).toBeDefined()
  }
  const app = fastify().get('/', async (request) => {
    received['Fastify'] = request
    return {}
  })
  await app.inject({ url: '/', headers })
  const hono = new Hono().get('/', (c) => {
    received['the context of Hono'] = c
    return c.text('')
  })
  await hono.request('/', { headers })
})
afterAll(() => twinkey.close())

const ADVICE = /^The request is .*web-standard Request.*new NodeWireRequest\(req\) of twinkey\/http/

const calls: Record<string, (request: never) => unknown> = {
  'twinkey.authenticate': (request) => twinkey.authenticate(request, requirement),
  'twinkey.decide': async (request) => twinkey.decide(request, requirement),
  'twinkey.clientAddress': async (request) => twinkey.clientAddress(request),
  'evaluate of a guard': async (request) => createGuard(twinkey, requirement).evaluate(request),
  'requireAuth of twinkey/web': (request) =>
    requireAuth(twinkey, requirement, () => new Response('in'))(request),
  'new WebWireRequest': async (request) => new WebWireRequest(request),
}

describe.each([...Object.keys(received), ...late])('a request that is %s', (name) => {
  test.each(Object.entries(calls))('is a TypeError of %s', async (_, call) => {
    const failed = Promise.resolve(call(received[name] as never))
    await expect(failed).rejects.toThrow(ADVICE)
    await expect(failed).rejects.toBeInstanceOf(TypeError)
    // Nothing of the request is in the message.
    await expect(failed).rejects.not.toThrow(primary)
  })
})

test('the error names the request of Node', async () => {
  await expect(twinkey.authenticate(received['Node'] as never)).rejects.toThrow(
    /^The request is one of Node's http module/,
  )
  await expect(twinkey.authenticate(received['Fastify'] as never)).rejects.toThrow(
    /^The request is that of a framework/,
  )
  await expect(twinkey.authenticate(undefined as never)).rejects.toThrow(
    /^The request is undefined/,
  )
})

test.each(['Node', 'Express 5', 'Express 4'])(
  'a request of %s is accepted as the message says',
  async (name) => {
    const request = new NodeWireRequest(received[name] as IncomingMessage)
    expect(await twinkey.authenticate(request, requirement)).toMatchObject({
      ok: true,
      principal: { keyId: key.id },
    })
  },
)

test('a NodeWireRequest of something else is a TypeError', () => {
  for (const request of [undefined, null, 'x', new Request('http://localhost/')])
    expect(() => new NodeWireRequest(request as never)).toThrow(ADVICE)
})

test('mounted endpoints of twinkey/web refuse a request of Node', () => {
  const tokens = mount(tokenEndpoints(twinkey), '/')
  expect(() => tokens(received['Node'] as never)).toThrow(ADVICE)
  expect(() => tokens(undefined as never)).toThrow(ADVICE)
})

test('a guard of a verifier takes a web-standard request', async () => {
  const guard = createGuard(verifier, requirement)
  const outcome = await guard.evaluate(
    new WebWireRequest(new Request('http://localhost/', { headers })),
  )
  expect(outcome).toMatchObject({ status: 401 })
})

test('an own WireRequest is taken as it is, also that of Hono', async () => {
  const wire: WireRequest = {
    method: 'GET',
    url: '/',
    header: (name) => new Headers(headers).get(name) ?? undefined,
    param: () => undefined,
  }
  expect((await twinkey.authenticate(wire, requirement)).ok).toBe(true)
  const hono = new Hono().get('/', async (c) =>
    c.json((await twinkey.authenticate(c.req as unknown as WireRequest, requirement)).ok),
  )
  expect(await (await hono.request('/', { headers })).json()).toBe(true)
})
