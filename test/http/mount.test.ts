import { atRoot, createTwinkey, type Endpoints, type Twinkey, tokenEndpoints } from 'twinkey'
import { mount } from 'twinkey/web'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyHost, type Host, sendTo } from './hosts.ts'
import { catching, catchingTable, madeUp, mountTable, parameterTable } from './mount-table.ts'

describe.each(Object.entries(everyHost))('mounted endpoints on %s', (name, start) => {
  const hasParameters = !name.startsWith('web')
  let twinkey: Twinkey
  let host: Host

  beforeAll(async () => {
    twinkey = createTwinkey()
    host = await start(twinkey, {
      routes: [
        {
          method: 'GET',
          path: '/service/own',
          requirement: { optional: true, anyTarget: true },
          answer: () => ({ own: true }),
        },
      ],
      tokens: {},
      endpoints: {
        '/service': madeUp,
        '/catching': catching,
        ...(hasParameters && { '/of/:tenant': { ...madeUp, rootRoutes: undefined } }),
      },
    })
  })
  afterAll(async () => {
    await host.close()
    await twinkey.close()
  })

  test.each(mountTable)('%s', async (_row, method, target, expected) => {
    const { status, headers, body } = await sendTo(host, { method, target })
    if (typeof expected === 'number') return expect(status).toBe(expected)
    const { allow, 'x-content-type-options': sniffing } = headers
    if ('allow' in expected)
      return expect({ status, allow, sniffing }).toEqual({
        status: 405,
        allow: expected.allow,
        sniffing: 'nosniff',
      })
    expect({ status, seen: JSON.parse(body) }).toEqual({ status: 200, ...expected })
  })

  // Express has no path for these at the mount point. Hosts differ in whether they match. HTTP/2 has
  // no absolute form (RFC 9113, section 8.3.1).
  const absolute = ['foo://host/service', 'foo://host/service?a', 'foo:///service/']
  test.each(name.includes('HTTP/2') ? [] : [...absolute, 'http:///service'])(
    'a target in another absolute form is no server error: %s',
    async (target) => {
      const { status } = await sendTo(host, { method: 'GET', target })
      expect([200, 400, 404]).toContain(status)
    },
  )

  test('HEAD is answered by the endpoint of GET, without a body', async () => {
    const { status, headers, body } = await sendTo(host, {
      method: 'HEAD',
      target: '/service/items/7',
    })
    expect([status, headers['content-type'], headers['x-content-type-options'], body]).toEqual([
      200,
      'application/json',
      'nosniff',
      '',
    ])
  })

  test.each(catchingTable)('an endpoint for every path: %s %s', async (method, path, by) => {
    const { status, body } = await sendTo(host, { method, target: `/catching${path}` })
    expect([status, JSON.parse(body)]).toEqual([200, { name: by, method }])
  })

  test('an endpoint for every path leaves other mount points alone', async () => {
    expect((await sendTo(host, { target: '/catchingother' })).status).toBe(404)
  })

  test('an endpoint reads the body', async () => {
    const body = '{"a":1}'
    const headers = [['Content-Length', String(body.length)]] as const
    const answer = await sendTo(host, { method: 'PATCH', target: '/service/echo', headers, body })
    expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([
      200,
      'text/plain',
      body,
    ])
  })

  test('an endpoint may answer with several headers of one name', async () => {
    if (host.http2) {
      const { headers } = await sendTo(host, { target: '/service/cookies' })
      return expect([headers['set-cookie'], headers['vary']]).toEqual([
        'a=1; Path=/,b=2',
        'X-One, X-Two',
      ])
    }
    const { headers } = await fetch(`http://127.0.0.1:${host.port}/service/cookies`)
    expect([headers.getSetCookie(), headers.get('vary')]).toEqual([
      ['a=1; Path=/', 'b=2'],
      'X-One, X-Two',
    ])
  })

  test('an endpoint sees the request of the framework, and its id', async () => {
    const ask = async (id: string) => {
      const headers = [['X-Request-Id', id]] as const
      const answer = await sendTo(host, { target: '/service/native', headers })
      return JSON.parse(answer.body) as { native: string | string[]; requestId?: string }
    }
    const kinds = { Express: ['originalUrl'], Fastify: ['originalUrl', 'routeOptions'] }
    const [framework = ''] = name.split(' ')
    const kind = { ...kinds, Hono: ['req'], web: 'Request' }[framework]
    const numbered = framework === 'Fastify'
    expect((await ask('a-1')).native).toEqual(kind)
    expect((await ask('a-1')).requestId).toEqual(numbered ? expect.stringMatching(/^req-/) : 'a-1')
    expect('requestId' in (await ask('a'.repeat(201)))).toBe(numbered)
  })

  test('an endpoint sees the parameters of its mount point', async () => {
    // Plain handlers have no router, so a prefix with a parameter is an error there.
    if (!hasParameters)
      return expect(() => mount(madeUp, '/of/:tenant')).toThrow('mount: the prefix must be a path')
    for (const [target, seen] of parameterTable) {
      const { status, body } = await sendTo(host, { target })
      expect([target, status, JSON.parse(body)]).toEqual([target, 200, seen])
    }
  })
})

describe('atRoot', () => {
  test('returns the root routes, with everything else that the endpoints have', async () => {
    const work = Promise.resolve()
    // An instance, whose methods are not its own members.
    class Own implements Endpoints {
      readonly routes = madeUp.routes
      readonly rootRoutes = madeUp.routes.slice(0, 1)
      readonly secretQuery = ['key']
      readonly code = 204
      refuse() {
        return { status: this.code, headers: {}, body: '' }
      }
      flush() {
        return this.code === 204 ? work : undefined
      }
    }
    const own = new Own()
    const root = atRoot(own)
    expect([root.routes, root.rootRoutes, root.secretQuery]).toEqual([
      own.rootRoutes,
      undefined,
      ['key'],
    ])
    expect(root.refuse({ code: 'unavailable', detail: '' }).status).toBe(204)
    expect(root.flush?.()).toBe(work)
    expect(atRoot(madeUp).flush?.()).toBeUndefined()
  })

  test('rejects endpoints without root routes', () => {
    const tokens = tokenEndpoints(createTwinkey())
    for (const none of [tokens, { ...madeUp, rootRoutes: [] }, undefined as never])
      expect(() => atRoot(none)).toThrow(TypeError)
    expect(() => atRoot(tokens)).toThrow(
      'atRoot: these endpoints have no routes for the root of the host. Mount them without atRoot.',
    )
  })
})
