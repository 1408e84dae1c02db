import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import express, { type Express, type Request as ExpressRequest, type RequestHandler } from 'express'
import express4 from 'express4'
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify'
import { type Context, Hono } from 'hono'
import {
  type Principal,
  type Profile,
  type Requirement,
  type Twinkey,
  tokenEndpoints,
} from 'twinkey'
import * as onExpress from 'twinkey/express'
import * as onFastify from 'twinkey/fastify'
import * as onHono from 'twinkey/hono'
import { flare, flowgear, standard } from 'twinkey/profiles'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { sendRaw } from '../support/raw-http.ts'
import { type Callers, createCallers, warm } from './callers.ts'

/** What a handler sees of a request. */
interface Seen {
  readonly name: string | undefined
  readonly urls: readonly string[]
  readonly query: unknown
}

interface Application {
  readonly twinkey: Twinkey
  /** The guards of `/flows` and of `/tokens/other`, in turn. */
  readonly guards: readonly Requirement[]
  /** The profile of the token service at `/tokens`. */
  readonly tokens?: Profile
}

type Headers = Readonly<Record<string, string>>
/**
 * Sends a request to an application on one host. Returns the status and, if the handler ran, what
 * it saw.
 */
type Ask = (
  application: Application,
  target: string,
  headers?: Headers,
) => Promise<{ status: number; seen: Seen | undefined }>

const PATHS = ['/flows', '/tokens/other'] as const

async function over(port: number, target: string, headers: Headers) {
  const { status, body } = await sendRaw(port, { target, headers: Object.entries(headers) })
  return { status, seen: status === 200 ? (JSON.parse(body) as Seen) : undefined }
}

function onExpressOf(framework: () => Express): Ask {
  return async ({ twinkey, guards, tokens }, target, headers = {}) => {
    const app = framework()
    if (tokens !== undefined)
      app.use('/tokens', onExpress.mount(tokenEndpoints(twinkey, { profile: tokens })))
    const handlers: RequestHandler[] = guards.map((each) => onExpress.requireAuth(twinkey, each))
    const seenBy = ({ principal, url, originalUrl, query }: ExpressRequest) => ({
      name: principal?.name,
      urls: [url, originalUrl],
      query,
    })
    for (const path of PATHS) app.get(path, ...handlers, (req, res) => void res.json(seenBy(req)))
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    try {
      return await over((server.address() as AddressInfo).port, target, headers)
    } finally {
      server.close()
    }
  }
}

async function fastifyOf({ twinkey, guards, tokens }: Application): Promise<FastifyInstance> {
  const app = fastify()
  if (tokens !== undefined)
    await app.register(onFastify.mount(tokenEndpoints(twinkey, { profile: tokens })), {
      prefix: '/tokens',
    })
  const onRequest = guards.map((each) => onFastify.requireAuth(twinkey, each))
  const seenBy = ({ principal, url, originalUrl, raw, query }: FastifyRequest) => ({
    name: principal?.name,
    urls: [url, originalUrl, raw.url],
    query,
  })
  for (const path of PATHS) app.get(path, { onRequest }, async (request) => seenBy(request))
  return app
}

function honoOf({ twinkey, guards, tokens }: Application): Hono {
  const app = new Hono()
  if (tokens !== undefined)
    app.use('/tokens/*', onHono.mount(tokenEndpoints(twinkey, { profile: tokens })))
  const seenBy = (c: Context<{ Variables: { principal: Principal | undefined } }>) => {
    const paths = [c.req.url, c.req.raw.url].map((url) => url.replace(/^https?:\/\/[^/]+/, ''))
    return c.json({ name: c.var.principal?.name, urls: paths, query: c.req.query() })
  }
  for (const path of PATHS) {
    for (const each of guards) app.use(path, onHono.requireAuth(twinkey, each))
    app.get(path, seenBy)
  }
  return app
}

const hosts: Readonly<Record<string, Ask>> = {
  'Express 5': onExpressOf(express),
  'Express 4': onExpressOf(express4),
  async Fastify(application, target, headers = {}) {
    const app = await fastifyOf(application)
    const answer = await app.inject({ url: target, headers })
    await app.close()
    return {
      status: answer.statusCode,
      seen: answer.statusCode === 200 ? answer.json<Seen>() : undefined,
    }
  },
  async Hono(application, target, headers = {}) {
    const answer = await honoOf(application).request(target, { headers })
    return {
      status: answer.status,
      seen: answer.status === 200 ? ((await answer.json()) as Seen) : undefined,
    }
  },
  async 'Hono on Node'(application, target, headers = {}) {
    let close = () => {}
    const port = await new Promise<number>((resolve) => {
      const server = serve(
        { fetch: honoOf(application).fetch, port: 0, hostname: '127.0.0.1' },
        (address) => resolve(address.port),
      )
      close = () => void server.close()
    })
    return over(port, target, headers).finally(close)
  },
}

let callers: Callers
beforeEach(async () => {
  callers = await createCallers()
})

describe.each(Object.entries(hosts))('a reader that throws: %s', (_name, ask) => {
  test('is an error of the framework and lets nobody in, cold or warm', async () => {
    const { twinkey, secrets } = callers
    // Hono prints what it answers with 500, in the form that it has.
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
    const guards = [
      {
        tenant: () => {
          throw new Error('no such table')
        },
      },
    ]
    for (const _ of ['cold', 'warm']) {
      expect((await ask({ twinkey, guards }, '/flows', { 'X-API-Key': secrets.t1 })).status).toBe(
        500,
      )
      await warm(twinkey, secrets.t1)
    }
    printed.mockRestore()
  })
})

describe.each(Object.entries(hosts))('several guards on one request: %s', (_name, ask) => {
  const bound = { anyTarget: true, profile: flowgear() }

  test.each(['cold', 'warm'])(
    'an optional guard that accepts nobody clears the principal of an earlier guard: %s',
    async (state) => {
      const { twinkey, secrets } = callers
      if (state === 'warm') await warm(twinkey, secrets.t1)
      const first = { anyTarget: true }
      const headers = { 'X-API-Key': secrets.t1 }
      expect((await ask({ twinkey, guards: [first] }, '/flows', headers)).seen?.name).toBe('t1')
      for (const profile of [flowgear(), flare({ account: () => undefined })]) {
        const { status, seen } = await ask(
          { twinkey, guards: [first, { ...first, profile, optional: true }] },
          '/flows',
          headers,
        )
        expect({ status, name: seen?.name, profile: profile.name }).toEqual({
          status: 200,
          name: undefined,
          profile: profile.name,
        })
      }
    },
  )

  test('the principal is that of the last guard', async () => {
    const { twinkey, secrets } = callers
    const guards = [{ anyTarget: true }, { anyTarget: true, optional: true, profile: flowgear() }]
    const target = `/flows?auth-key=${secrets.anyTenant}`
    expect((await ask({ twinkey, guards }, target, { 'X-API-Key': secrets.t1 })).seen?.name).toBe(
      'any tenant',
    )
    expect(
      (await ask({ twinkey, guards: guards.toReversed() }, target, { 'X-API-Key': secrets.t1 }))
        .seen?.name,
    ).toBe('t1')
  })

  test.each([2, 3])(
    'a good key in the query passes %i guards, and the handler does not see it',
    async (count) => {
      const { twinkey, secrets } = callers
      const guards = Array.from({ length: count }, () => bound)
      for (const target of [
        `/flows?auth-key=${secrets.t1}&a=1`,
        `/flows?a=1&auth%2Dkey=${secrets.t1}`,
      ]) {
        const { status, seen } = await ask({ twinkey, guards }, target)
        expect({ status, name: seen?.name, query: seen?.query }).toEqual({
          status: 200,
          name: 't1',
          query: { a: '1' },
        })
        expect(new Set(seen?.urls)).toEqual(new Set(['/flows?a=1']))
        expect(JSON.stringify(seen)).not.toContain(secrets.t1)
      }
    },
  )

  test('a bad key in the query passes no guard, and a key that passes the first still needs to satisfy the second', async () => {
    const { twinkey, secrets } = callers
    expect(
      (await ask({ twinkey, guards: [bound, bound] }, `/flows?auth-key=${secrets.disabled}`))
        .status,
    ).toBe(404)
    const narrow = { profile: flowgear(), workflow: 'flows.write' }
    expect(
      (await ask({ twinkey, guards: [bound, narrow] }, `/flows?auth-key=${secrets.t1}`)).status,
    ).toBe(404)
    expect(
      (
        await ask(
          { twinkey, guards: [bound, { anyTarget: true, profile: standard() }] },
          `/flows?auth-key=${secrets.t1}`,
        )
      ).status,
    ).toBe(401)
  })

  test('token endpoints that do not match a request leave its URL unchanged', async () => {
    const { twinkey, secrets } = callers
    const tokens = flowgear()
    const target = `/tokens/other?auth-key=${secrets.t1}&a=1`
    const behind = await ask({ twinkey, tokens, guards: [bound] }, target)
    expect({ status: behind.status, name: behind.seen?.name, query: behind.seen?.query }).toEqual({
      status: 200,
      name: 't1',
      query: { a: '1' },
    })
    expect(new Set(behind.seen?.urls)).toEqual(new Set(['/tokens/other?a=1']))
    // No guard has read it as a credential, so it is an ordinary parameter.
    const unguarded = await ask({ twinkey, tokens, guards: [] }, target)
    expect(new Set(unguarded.seen?.urls)).toEqual(new Set([target]))
    expect(unguarded.seen?.query).toEqual({ 'auth-key': secrets.t1, a: '1' })
  })

  test('token endpoints that match a request find its key in the query', async () => {
    const { twinkey, secrets } = callers
    const asked = (secret: string) =>
      ask({ twinkey, tokens: flowgear(), guards: [] }, `/tokens/test?auth-key=${secret}`)
    expect((await asked(secrets.t1)).status).toBe(200)
    expect((await asked(secrets.disabled)).status).toBe(404)
  })
})
