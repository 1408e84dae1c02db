import swagger from '@fastify/swagger'
import { type FastifyServerOptions, fastify } from 'fastify'
import { tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/fastify'
import { flare } from 'twinkey/profiles'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Callers, createCallers } from './callers.ts'

let callers: Callers
beforeEach(async () => {
  callers = await createCallers()
})

const options: readonly (readonly [string, FastifyServerOptions])[] = [
  ['no options', {}],
  ['ignoreTrailingSlash in routerOptions', { routerOptions: { ignoreTrailingSlash: true } }],
  ['ignoreTrailingSlash at the top', { ignoreTrailingSlash: true }],
  [
    'ignoreTrailingSlash at the top, beside other routerOptions',
    { ignoreTrailingSlash: true, routerOptions: { maxParamLength: 500 } },
  ],
  [
    'ignoreTrailingSlash at the top, and not in routerOptions',
    { ignoreTrailingSlash: true, routerOptions: { ignoreTrailingSlash: false } },
  ],
  ['ignoreDuplicateSlashes', { routerOptions: { ignoreDuplicateSlashes: true } }],
  ['both of them', { routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true } }],
  ['caseSensitive off', { routerOptions: { caseSensitive: false } }],
  ['exposeHeadRoutes off', { exposeHeadRoutes: false }],
]

describe.each(options)('the token endpoints on Fastify with %s', (_name, more) => {
  test.each(['/tokens', '/tokens/', undefined])(
    'serve each endpoint with and without a trailing slash, below the prefix %s',
    async (prefix) => {
      const app = fastify(more)
      app.register(mount(tokenEndpoints(callers.twinkey)), prefix === undefined ? {} : { prefix })
      const base = prefix === undefined ? '' : '/tokens'
      const ask = async (method: 'GET' | 'POST', url: string) =>
        (
          await app.inject({
            method,
            url,
            headers: { authorization: `Bearer ${callers.secrets.t1}` },
          })
        ).statusCode
      for (const slash of ['', '/']) {
        expect(await ask('GET', `${base}/test${slash}`), slash).toBe(200)
        expect(await ask('GET', `${base}/jwks.json${slash}`), slash).toBe(200)
        expect(await ask('POST', `${base}/jwks.json${slash}`), slash).toBe(405)
        // A prefix that ends with a slash requires the slash.
        if (slash === '' && prefix?.endsWith('/')) continue
        expect(await ask('POST', `${base}${slash}` || '/'), slash).toBe(200)
        expect(await ask('GET', `${base}${slash}` || '/'), slash).toBe(405)
      }
      await app.close()
    },
  )

  test('serve the exchange of another profile at its own path', async () => {
    const app = fastify(more)
    app.register(
      mount(tokenEndpoints(callers.twinkey, { profile: flare({ account: () => undefined }) })),
      {
        prefix: '/auth',
      },
    )
    for (const url of ['/auth/generate', '/auth/generate/'])
      expect((await app.inject({ method: 'GET', url })).statusCode, url).toBe(405)
    await app.close()
  })

  test('a route keeps its template, whichever slashes the router ignores', async () => {
    const { primary } = await callers.twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t1'], workflows: ['GET /v1/:area/run'] },
    })
    const app = fastify(more)
    const onRequest = requireAuth(callers.twinkey, { workflow: from.routeTemplate() })
    app.register(
      async (scope) =>
        void scope.get('/run', { onRequest }, async ({ principal }) => principal.workflow),
      {
        prefix: '/v1/:area',
      },
    )
    const served = []
    for (const url of ['/v1/public/run', '/v1/public/run/', '/v1//public/run', '/V1/public/RUN']) {
      const { statusCode, body } = await app.inject({
        url,
        headers: { authorization: `Bearer ${primary}` },
      })
      if (statusCode !== 404) served.push([statusCode, body])
    }
    expect(served.length).toBeGreaterThan(0)
    expect(served).toEqual(served.map(() => [200, 'GET /v1/:area/run']))
    await app.close()
  })
})

test('mounted endpoints stay out of the document of @fastify/swagger', async () => {
  const app = fastify()
  await app.register(swagger, { openapi: { openapi: '3.1.0' } })
  app.register(mount(tokenEndpoints(callers.twinkey)), { prefix: '/tokens' })
  app.get('/flows', async () => ({}))
  await app.ready()
  expect(Object.keys(app.swagger().paths ?? {})).toEqual(['/flows'])
  await app.close()
})

test('a guard in the not-found handler of Fastify has no template', async () => {
  const app = fastify()
  app.setNotFoundHandler(
    { preHandler: requireAuth(callers.twinkey, { workflow: from.routeTemplate() }) },
    async () => 'found',
  )
  const { statusCode } = await app.inject({
    url: '/elsewhere',
    headers: { authorization: `Bearer ${callers.secrets.t1}` },
  })
  expect(statusCode).toBe(400)
  await app.close()
})
