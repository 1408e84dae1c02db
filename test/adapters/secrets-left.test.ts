import { connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express, { type RequestHandler } from 'express'
import express4 from 'express4'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import * as onExpress from 'twinkey/express'
import * as onFastify from 'twinkey/fastify'
import * as onHono from 'twinkey/hono'
import { flowgear } from 'twinkey/profiles'
import { requireAuth } from 'twinkey/web'
import { beforeAll, describe, expect, test } from 'vitest'
import { sendRaw } from '../support/raw-http.ts'
import { pathsTo } from '../support/reachable.ts'
import { type Callers, createCallers } from './callers.ts'

// What a handler can reach of a request whose key was in the query, on each host. A logger before
// the guard has read everything that frameworks cache of a URL.

/**
 * Sends a request to a guarded `/flows`. Returns the status and, if the handler ran, what it
 * received.
 */
type Send = (
  callers: Callers,
  target: string,
  headers: readonly [string, string][],
  look: (...given: object[]) => void,
) => Promise<number>

const GUARDS = [1, 2].map(() => ({ profile: flowgear(), anyTarget: true }))

const expressOf =
  (framework: typeof express): Send =>
  async ({ twinkey }, target, headers, look) => {
    const app = framework()
    const logger: RequestHandler = (req, _res, next) => {
      void req.query
      next()
    }
    // It parses the original URL and caches the result.
    app.use(framework.static('no-such-directory'), logger)
    const router = express.Router()
    for (const guard of GUARDS) router.use(onExpress.requireAuth(twinkey, guard))
    router.get('/flows', logger, (req, res) => {
      look(req, res)
      res.end()
    })
    app.use('/', router)
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    return sendRaw((server.address() as AddressInfo).port, { target, headers })
      .then(({ status }) => status)
      .finally(() => server.close())
  }

const fastifyOf =
  (send: typeof sendRaw, http2: boolean): Send =>
  async ({ twinkey }, target, headers, look) => {
    const app = fastify(http2 ? ({ http2: true } as object) : {})
    app.addHook('onRequest', async (request) => void [request.originalUrl, request.query])
    const onRequest = GUARDS.map((guard) => onFastify.requireAuth(twinkey, guard))
    app.get('/flows', { onRequest }, async (request, reply) => {
      look(request, reply)
      return ''
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    return send(port, { target, headers })
      .then(({ status }) => status)
      .finally(() => app.close())
  }

/** Over HTTP/2, where the target is a header. */
const sendHttp2: typeof sendRaw = (port, { target, headers = [] }) =>
  new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`).on('error', reject)
    const stream = session.request({
      ':path': target,
      ...Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
    })
    stream.on('error', reject).on('response', (fields) => {
      session.close()
      resolve({ status: Number(fields[':status']), headers: {}, body: '' })
    })
    stream.resume().end()
  })

function honoApp({ twinkey }: Callers, look: (...given: object[]) => void): Hono {
  const app = new Hono()
  app.use(async (c, next) => {
    void [c.req.url, c.req.raw.url, c.req.query(), c.req.queries(), c.req.raw.signal, c.req.path]
    await next()
  })
  for (const guard of GUARDS) app.use('/flows', onHono.requireAuth(twinkey, guard))
  return app.get('/flows', (c) => {
    look(c, c.req, c.req.query(), c.req.queries())
    return c.text('')
  })
}

const honoOf =
  (send: typeof sendRaw, http2: boolean): Send =>
  async (callers, target, headers, look) => {
    const server = serve({
      fetch: honoApp(callers, look).fetch,
      port: 0,
      hostname: '127.0.0.1',
      ...(http2 ? { createServer } : {}),
    })
    await new Promise((resolve) => server.once('listening', resolve))
    return send((server.address() as AddressInfo).port, { target, headers })
      .then(({ status }) => status)
      .finally(() => server.close())
  }

const asRequest = (target: string, headers: readonly [string, string][]) =>
  new Request(`http://localhost${target}`, {
    headers: headers.map(([name, value]) => [name, value] as [string, string]),
  })

const onHonoWeb: Send = async (callers, target, headers, look) =>
  (await honoApp(callers, look).request(asRequest(target, headers))).status

const onWeb: Send = async ({ twinkey }, target, headers, look) => {
  const [outer, inner] = GUARDS
  const guarded = requireAuth(twinkey, outer ?? {}, (request) =>
    requireAuth(twinkey, inner ?? {}, (seen) => {
      look(seen)
      return new Response('')
    })(request),
  )
  return (await guarded(asRequest(target, headers))).status
}

const hosts: Readonly<Record<string, Send>> = {
  'Express 5': expressOf(express),
  'Express 4': expressOf(express4),
  'Fastify 5': fastifyOf(sendRaw, false),
  'Fastify 5 on HTTP/2': fastifyOf(sendHttp2, true),
  'Hono 4 on Node': honoOf(sendRaw, false),
  'Hono 4 on HTTP/2': honoOf(sendHttp2, true),
  'Hono 4 without Node': onHonoWeb,
  'plain handlers': onWeb,
}

describe.each(Object.entries(hosts))(
  'what a handler can reach of a key in the URL: %s',
  (_name, send) => {
    let callers: Callers
    beforeAll(async () => {
      callers = await createCallers()
    })

    test.each([
      ['alone', (key: string) => `auth-key=${key}`],
      ['among others', (key: string) => `a=1&auth-key=${key}&b=2`],
      ['percent-encoded', (key: string) => `a=1&%61uth%2dkey=${key}`],
      ['and again behind a fragment', (key: string) => `auth-key=${key}#auth-key=${key}`],
      [
        'and again behind a question mark in the fragment',
        (key: string) => `auth-key=${key}#x?auth-key=${key}`,
      ],
      [
        'and again in other spellings',
        (key: string) =>
          `auth-key=${key}&AUTH-KEY=${key}&auth-key[]=${key}&x[auth-key]=${key}&?auth-key=${key}`,
      ],
      ['and again behind a semicolon', (key: string) => `auth-key=${key}&a=1;auth-key=${key}`],
    ])('nothing, where it stands %s', async (_where, query) => {
      const key = callers.secrets.t1
      let looked = 0
      const left: string[] = []
      const status = await send(callers, `/flows?${query(key)}`, [], (...given) => {
        looked++
        left.push(
          ...given.flatMap((each, index) =>
            pathsTo(each, key.slice(10)).map((path) => `${index}${path}`),
          ),
        )
      })
      expect({ status, looked, left }).toEqual({ status: 200, looked: 1, left: [] })
    })

    test.each([
      ['in a fragment', (key: string) => `/flows#auth-key=${key}`],
      ['behind a question mark in a fragment', (key: string) => `/flows#x?auth-key=${key}`],
      ['in a fragment behind a query', (key: string) => `/flows?a=1#auth-key=${key}`],
      ['under a name in another case', (key: string) => `/flows?Auth-Key=${key}&b=2`],
    ])('nothing, where a header was accepted and it stands %s', async (_where, target) => {
      const key = callers.secrets.t1
      const other = callers.secrets.anyTenant
      let left: string[] | undefined
      const status = await send(
        callers,
        target(key),
        [['Authorization', `Key=${other}`]],
        (...given) => {
          left = given.flatMap((each, index) =>
            pathsTo(each, key.slice(10)).map((path) => `${index}${path}`),
          )
        },
      )
      // Some routers take the text after the sign for a part of the path, and have no such route.
      if (status !== 404) expect({ status, left }).toEqual({ status: 200, left: [] })
      else expect(left).toBeUndefined()
    })
  },
)
