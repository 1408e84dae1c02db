import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import { type FastifyInstance, type FastifyRequest, fastify, type InjectOptions } from 'fastify'
import { tokenEndpoints } from 'twinkey'
import { from, mount, requireAuth } from 'twinkey/fastify'
import { boomiFlow, flowgear, securitySchemes, standard } from 'twinkey/profiles'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Callers, createCallers, deadOf, FOREIGN, warm } from './callers.ts'

let callers: Callers
let app: FastifyInstance
beforeEach(async () => {
  callers = await createCallers()
  app = fastify()
})
afterEach(() => app.close())

const guard = (more: Parameters<typeof requireAuth>[1] = {}) =>
  requireAuth(callers.twinkey, { workflow: 'flows.read', ...more })
const named = async ({ principal }: FastifyRequest) => ({
  name: principal.name,
  tenant: principal.tenant,
})
const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })

async function ask(url: string, headers: Record<string, string> = {}, more: InjectOptions = {}) {
  return app.inject({ url, headers, ...more })
}

const preflight = {
  origin: 'https://app.test',
  'access-control-request-method': 'GET',
  'access-control-request-headers': 'authorization',
}

describe('with other plugins on Fastify', () => {
  test('app.inject is guarded like a socket', async () => {
    app.get('/flows', { onRequest: guard() }, named)
    expect((await ask('/flows')).statusCode).toBe(401)
    expect((await ask('/flows', bearer(callers.secrets.t1))).json()).toEqual({
      name: 't1',
      tenant: 't1',
    })
    expect(
      (
        await app.inject({
          url: '/flows',
          headers: {
            authorization: [`Bearer ${callers.secrets.t1}`, 'Bearer x'] as unknown as string,
          },
        })
      ).statusCode,
    ).toBe(400)
  })

  test('behind a trusted proxy, forwarded headers do not change the decision', async () => {
    app = fastify({ trustProxy: true })
    app.get('/flows', { onRequest: guard() }, named)
    const forwarded = {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-host': 'elsewhere.test',
      'x-forwarded-authorization': `Bearer ${callers.secrets.t1}`,
    }
    expect((await ask('/flows', forwarded)).statusCode).toBe(401)
    expect((await ask('/flows', { ...forwarded, ...bearer(callers.secrets.t1) })).statusCode).toBe(
      200,
    )
  })

  test('with @fastify/cors before the guard a preflight passes, and a browser can read a refusal', async () => {
    await app.register(cors, { origin: 'https://app.test' })
    app.addHook('onRequest', guard())
    app.get('/flows', named)
    const passed = await ask('/flows', preflight, { method: 'OPTIONS' })
    expect([passed.statusCode, passed.headers['access-control-allow-origin']]).toEqual([
      204,
      'https://app.test',
    ])
    const refused = await ask('/flows', { origin: 'https://app.test' })
    expect([refused.statusCode, refused.headers['access-control-allow-origin']]).toEqual([
      401,
      'https://app.test',
    ])
  })

  test('with @fastify/cors behind the guard a preflight is refused: the guard exempts no method', async () => {
    app.addHook('onRequest', guard())
    await app.register(cors, { origin: 'https://app.test' })
    app.all('/flows', named)
    for (const method of ['OPTIONS', 'HEAD', 'DELETE', 'PATCH'] as const)
      expect((await ask('/flows', preflight, { method })).statusCode, method).toBe(401)
  })

  test('@fastify/swagger documents the schemes of the profile, and the guard is on the routes that declare them', async () => {
    await app.register(swagger, {
      openapi: { openapi: '3.1.0', components: { securitySchemes: securitySchemes(standard()) } },
    })
    app.register(async (scope) => {
      scope.get(
        '/flows',
        {
          onRequest: guard(),
          schema: {
            security: [{ bearer: [] }, { apiKey: [] }],
            querystring: { type: 'object', properties: { limit: { type: 'integer' } } },
          },
        },
        named,
      )
      scope.get('/document', async () => app.swagger())
    })
    const document = (await ask('/document')).json()
    expect(document.components.securitySchemes).toEqual({
      bearer: { type: 'http', scheme: 'bearer', description: expect.any(String) },
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: expect.any(String) },
    })
    expect(document.paths['/flows'].get.security).toEqual([{ bearer: [] }, { apiKey: [] }])
    // A refused caller does not learn what the schema of the route requires.
    expect((await ask('/flows?limit=many')).statusCode).toBe(401)
    expect((await ask('/flows?limit=many', bearer(callers.secrets.t1))).statusCode).toBe(400)
  })

  test('a hook in a plugin guards the routes of that plugin and no others', async () => {
    app.register(async (scope) => {
      scope.addHook('onRequest', guard())
      scope.get('/inside', named)
      scope.register(async (nested) => void nested.get('/nested', named))
    })
    app.get('/outside', async ({ principal }) => ({ principal: principal === undefined }))
    expect((await ask('/inside')).statusCode).toBe(401)
    expect((await ask('/nested')).statusCode).toBe(401)
    expect((await ask('/outside')).json()).toEqual({ principal: true })
    expect((await ask('/outside', bearer(callers.secrets.disabled))).statusCode).toBe(200)
    expect((await ask('/nested', bearer(callers.secrets.t1))).statusCode).toBe(200)
  })

  test('a hook in a plugin with a prefix reads the parameter of the prefix', async () => {
    app.register(
      async (scope) => {
        scope.addHook('onRequest', guard({ tenant: from.param('tenant') }))
        scope.get('/flows', named)
      },
      { prefix: '/tenants/:tenant' },
    )
    expect((await ask('/tenants/t1/flows', bearer(callers.secrets.t1))).json()).toEqual({
      name: 't1',
      tenant: 't1',
    })
    expect((await ask('/tenants/t2/flows', bearer(callers.secrets.t1))).statusCode).toBe(403)
  })

  test('a guard that cannot see its parameter refuses the request', async () => {
    app.get('/misspelt/:tenant', { onRequest: guard({ tenant: from.param('tenat') }) }, named)
    expect((await ask('/misspelt/t2', bearer(callers.secrets.t1))).statusCode).toBe(400)
  })

  test('Fastify itself answers 414 to a parameter of more than 100 characters, unless maxParamLength is higher', async () => {
    const route = (on: FastifyInstance) =>
      on.get('/tenants/:tenant', { onRequest: guard({ tenant: from.param('tenant') }) }, named)
    const url = `/tenants/${'x'.repeat(101)}`
    route(app)
    expect((await ask(url)).statusCode).toBe(414)
    await app.close()
    app = fastify({ routerOptions: { maxParamLength: 500 } })
    route(app)
    expect((await ask(url)).statusCode).toBe(401)
    expect((await ask(url, bearer(callers.secrets.t1))).statusCode).toBe(403)
  })

  test('an application can decorate itself with a guard, and the request with a principal', async () => {
    app.decorate('signedIn', guard())
    app.decorateRequest('principal')
    app.get(
      '/flows',
      {
        onRequest: [
          (app as FastifyInstance & { signedIn: ReturnType<typeof requireAuth> }).signedIn,
        ],
      },
      named,
    )
    expect((await ask('/flows')).statusCode).toBe(401)
    expect((await ask('/flows', bearer(callers.secrets.t1))).json()).toEqual({
      name: 't1',
      tenant: 't1',
    })
    expect((await ask('/flows')).statusCode).toBe(401)
  })

  test('the body of a refused request is never parsed, and no later hook runs', async () => {
    const seen: string[] = []
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
      seen.push('parser')
      done(null, JSON.parse(String(body)))
    })
    app.addHook('preParsing', async () => void seen.push('preParsing'))
    app.addHook('preHandler', async () => void seen.push('preHandler'))
    app.post('/flows', { onRequest: guard() }, async ({ principal, body }) => [
      principal.name,
      body,
    ])
    const send = (secret: string, payload: string) =>
      ask(
        '/flows',
        { ...bearer(secret), 'content-type': 'application/json' },
        { method: 'POST', payload },
      )
    expect((await send(callers.secrets.disabled, '{"a":')).statusCode).toBe(401)
    expect(seen).toEqual([])
    expect((await send(callers.secrets.t1, '{"a":1}')).json()).toEqual(['t1', { a: 1 }])
    expect(seen).toEqual(['preParsing', 'parser', 'preHandler'])
  })

  test('an optional guard passes on credentials of another scheme, and refuses inactive Twinkey credentials', async () => {
    const other = async (
      request: FastifyRequest,
      reply: { code(status: number): { send(body: string): unknown } },
    ) => (request.principal === undefined ? reply.code(418).send('other scheme') : undefined)
    app.get('/flows', { onRequest: [guard({ optional: true }), other] }, named)
    for (const [name, value] of Object.entries(FOREIGN))
      expect(
        (await ask('/flows', value === undefined ? {} : { authorization: value })).statusCode,
        name,
      ).toBe(418)
    for (const [name, value] of Object.entries(deadOf(callers)))
      expect([400, 401], name).toContain((await ask('/flows', { authorization: value })).statusCode)
    expect((await ask('/flows', bearer(callers.token))).statusCode).toBe(200)
  })

  test('one Twinkey serves two profiles on two mounts', async () => {
    app.get('/draw', { onRequest: guard({ profile: boomiFlow() }) }, named)
    app.get('/gear', { onRequest: guard({ profile: { ...flowgear(), target: {} } }) }, named)
    app.register(mount(tokenEndpoints(callers.twinkey)), { prefix: '/tokens' })
    expect([(await ask('/draw')).statusCode, (await ask('/gear')).statusCode]).toEqual([401, 404])
    expect((await ask(`/gear?auth-key=${callers.secrets.t1}`)).statusCode).toBe(200)
    expect((await ask(`/draw?auth-key=${callers.secrets.t1}`)).statusCode).toBe(401)
    expect((await ask('/draw', { 'x-boomi-flow-api-key': callers.secrets.t1 })).statusCode).toBe(
      200,
    )
    expect((await ask('/tokens', bearer(callers.secrets.t1), { method: 'POST' })).statusCode).toBe(
      200,
    )
  })

  test.each(['cold', 'warm'])(
    'an error in a reader reaches the error handler, and the route handler does not run: %s',
    async (state) => {
      app.setErrorHandler(
        (error: Error, _request, reply) => void reply.code(500).send({ told: error.message }),
      )
      const reader = () => {
        throw new Error('the reader broke')
      }
      app.get('/flows', { onRequest: guard({ tenant: reader }) }, named)
      if (state === 'warm') await warm(callers.twinkey, callers.secrets.anyTenant)
      const answer = await ask('/flows', bearer(callers.secrets.anyTenant)).catch(
        (error: Error) => error,
      )
      expect('statusCode' in answer ? [answer.statusCode, answer.json()] : answer).toEqual([
        500,
        { told: 'the reader broke' },
      ])
    },
  )
})
