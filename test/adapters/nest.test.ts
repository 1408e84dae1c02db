import type { AddressInfo } from 'node:net'
import { type ArgumentsHost, Catch, HttpException, type INestApplication } from '@nestjs/common'
import express from 'express'
import type { Requirement } from 'twinkey'
import { requireAuth } from 'twinkey/express'
import { from, KeyRefusedException, RequireKey } from 'twinkey/nest'
import { boomiFlow, flare, flowgear } from 'twinkey/profiles'
import { describe, expect, test } from 'vitest'
import { createBench } from '../support/bench.ts'
import { countingLimiter } from '../support/counting-limiter.ts'
import type { sendRaw } from '../support/raw-http.ts'
import { deadOf, FOREIGN } from './callers.ts'
import { PLATFORMS } from './nest-application.ts'
import { ask, bearer, createNestScene, type Served, whoAmI } from './nest-scene.ts'

const scene = createNestScene()
const { closing } = scene

describe.each(Object.keys(PLATFORMS) as (keyof typeof PLATFORMS)[])('on %s', (platform) => {
  const serve = (...given: Served) => scene.serve(platform, ...given)

  const ROUTES: Readonly<Record<string, Requirement>> = {
    '/flows': { workflow: 'flows.read' },
    '/tenants/:tenant/flows': { tenant: from.param('tenant'), workflow: 'flows.read' },
    '/template/:id': { workflow: from.routeTemplate() },
    '/tokens-only': { accept: ['token'], workflow: 'flows.read' },
    '/optional': { optional: true, workflow: 'flows.read' },
    '/flare': { profile: flare({ account: () => undefined }), workflow: 'flows.read' },
    '/flowgear': { profile: flowgear() },
    '/boomi': { profile: boomiFlow(), workflow: 'flows.read' },
  }

  test('answers each request as the Express adapter does: status, headers and bytes', async () => {
    const names = Object.keys(ROUTES)
    const port = await serve(
      names.map((path) => ({ path, decorators: [RequireKey(ROUTES[path])] })),
    )
    const app = express().disable('etag')
    for (const path of names)
      app.get(
        path,
        requireAuth(scene.callers().twinkey, ROUTES[path]),
        (_req, res) => void res.json({ path }),
      )
    const server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    closing.push(() => new Promise((resolve) => server.close(resolve)))
    const reference = (server.address() as AddressInfo).port
    const credentials = [
      ...Object.values(FOREIGN),
      ...Object.values(deadOf(scene.callers())),
      `Bearer ${scene.callers().secrets.t1}`,
      `Bearer ${scene.callers().secrets.anyTenant}`,
      `Bearer ${scene.callers().token}`,
    ]
    const targets = names.flatMap((path) => path.replace(':tenant', 't2').replace(':id', '1'))
    const statuses = new Set<number>()
    const exchanges = [
      ...targets,
      '/tenants/t1/flows',
      `/flowgear?auth-key=${scene.callers().secrets.anyTenant}`,
    ].flatMap((target) =>
      credentials.map(async (credential) => {
        const headers = credential === undefined ? [] : ([['Authorization', credential]] as const)
        // A GET with a body, which Fastify does not read before the guard runs.
        const uploads = [...headers, ['Content-Length', '5']] as const
        for (const more of [{ headers }, { headers: uploads, body: 'hello' }]) {
          const [mine, theirs] = await Promise.all([
            ask(port, target, more),
            ask(reference, target, more),
          ])
          statuses.add(theirs.status)
          expect(seen(mine), `${target} ${credential}`).toEqual(seen(theirs))
        }
      }),
    )
    await Promise.all(exchanges)
    expect([...statuses].sort()).toEqual(expect.arrayContaining([200, 400, 401, 403]))
  })

  test('passes the principal, and shows what is left of a limit', async () => {
    const { twinkey } = createBench({ limiter: countingLimiter() })
    const { primary } = await twinkey.keys.create({
      name: `limited on ${platform}`,
      scope: { tenants: ['t1'], workflows: '*' },
      limits: [{ requests: 2, perSeconds: 60 }],
    })
    const port = await serve(
      [{ path: '/flows', decorators: [RequireKey({ workflow: 'flows.read' })], ...whoAmI }],
      [],
      { twinkey },
    )
    const answers = []
    for (let i = 0; i < 3; i++)
      answers.push(await ask(port, '/flows', { headers: bearer(primary) }))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(JSON.parse(answers[0]?.body ?? '')).toEqual({
      name: `limited on ${platform}`,
      tenant: 't1',
      via: 'secret',
    })
    expect(answers[0]?.headers['ratelimit']).toContain('r=1')
    expect(answers[2]?.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'retry-after': expect.any(String),
      ratelimit: expect.stringContaining('r=0'),
    })
  })

  test('removes a secret in the query before the handler runs', async () => {
    const profile = flowgear()
    const [name = ''] = profile.secretQuery ?? []
    const request: ParameterDecorator = (await import('@nestjs/common')).Req()
    const port = await serve([
      {
        path: '/flows',
        decorators: [RequireKey({ profile })],
        parameter: request,
        answer: ({ url, originalUrl, query }: never) => ({ url, originalUrl, query }),
      },
    ])
    const { anyTenant } = scene.callers().secrets
    const { status, body } = await ask(port, `/flows?a=1&${name}=${anyTenant}`)
    expect(status).toBe(200)
    expect(JSON.parse(body)).toEqual({
      url: '/flows?a=1',
      originalUrl: '/flows?a=1',
      query: { a: '1' },
    })
  })

  test('an exception filter of the application sees refusals, and keeps their challenge', async () => {
    let httpAdapter: ReturnType<INestApplication['getHttpAdapter']>
    class Own {
      catch(exception: HttpException, host: ArgumentsHost) {
        const isOurs = exception instanceof KeyRefusedException
        const { code } = exception.getResponse() as { code?: string }
        const response = host.switchToHttp().getResponse()
        httpAdapter.reply(response, { isOurs, code }, exception.getStatus())
      }
    }
    Catch(HttpException)(Own)
    const port = await serve(
      [{ path: '/flows', decorators: [RequireKey()] }],
      [],
      {},
      {
        prepare: (app) => {
          httpAdapter = app.getHttpAdapter()
          app.useGlobalFilters(new Own())
        },
      },
    )
    const { status, headers, body } = await ask(port, '/flows')
    expect([status, body]).toEqual([401, '{"isOurs":true,"code":"credential_missing"}'])
    expect(headers['www-authenticate']).toBe('Bearer realm="api"')
    expect(headers['content-type']).toContain('application/json')
  })

  test('answers an error of the guard with 500, and lets nobody in', async () => {
    let ran = 0
    const port = await serve([
      {
        path: '/flows',
        answer: () => ++ran,
        decorators: [
          RequireKey({
            workflow: 'flows.read',
            authorize: () => {
              throw undefined
            },
          }),
        ],
      },
    ])
    const { status } = await ask(port, '/flows', { headers: bearer(scene.callers().secrets.t1) })
    expect([status, ran]).toEqual([500, 0])
  })
})

// What differs by framework on answers of handlers.
function seen({ status, headers, body }: Awaited<ReturnType<typeof sendRaw>>) {
  const { date: _date, 'keep-alive': _kept, 'x-powered-by': _by, etag, ...rest } = headers
  return { status, headers: rest, body, etag: status === 200 ? undefined : etag }
}
