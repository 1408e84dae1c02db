import { from } from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { requireAuth } from 'twinkey/web'
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { createGuideRunner } from '../support/guide.ts'
import { type Callers, createCallers, warm } from './callers.ts'

let callers: Callers
beforeEach(async () => {
  callers = await createCallers()
})

const get = (secret: string, url = 'http://localhost/flows') =>
  new Request(url, { headers: { authorization: `Bearer ${secret}` } })

/** A guarded handler that answers with the tenant of the guard and that of the host. */
function guarded(optional = false) {
  return requireAuth(
    callers.twinkey,
    { workflow: 'flows.read', tenant: from.param('tenant', { optional }) },
    (_request, { tenant }, ..._rest: unknown[]) => Response.json({ tenant }),
  )
}

async function answerOf(response: Response): Promise<string> {
  const body = (await response.json()) as { tenant?: string; code?: string }
  return `${response.status} ${body.tenant ?? body.code}`
}

/** How hosts pass the parameters. */
const HOSTS: Record<string, (params: unknown) => [Partial<Request>, ...unknown[]]> = {
  'a promise in the context, as of Next.js 15 and later': (params) => [
    {},
    { params: Promise.resolve(params) },
  ],
  'an object in the context, as of Next.js 14': (params) => [{}, { params }],
  'an argument after others': (params) => [{}, 'principal', null, undefined, 7, { params }],
  'the request itself, as in the routes of Bun': (params) => [{ params } as Partial<Request>, {}],
}

describe.each(Object.entries(HOSTS))('path parameters from %s', (_, pass) => {
  const ask = async (params: unknown, optional = false, secret = callers.secrets.t1) => {
    const [more, ...rest] = pass(params)
    return answerOf(await guarded(optional)(Object.assign(get(secret), more), ...rest))
  }

  test('name the tenant', async () => {
    expect(await ask({ tenant: 't1' })).toBe('200 t1')
    expect(await ask({ tenant: 't2' })).toBe('403 tenant_denied')
    expect(await ask({ tenant: 't2' }, false, callers.secrets.anyTenant)).toBe('200 t2')
  })

  test.each([
    ['a list, as of a catch-all segment', ['t1']],
    ['a list of several', ['t1', 't2']],
    ['an empty list', []],
    ['an empty string', ''],
    ['a star', '*'],
    ['a name with NUL', 't1\0'],
    ['a number', 1],
    ['an object with a text', { toString: () => 't1' }],
    ['null', null],
  ])('that are %s are refused, also by an optional reader', async (_, tenant) => {
    for (const secret of [callers.secrets.t1, callers.secrets.anyTenant])
      for (const optional of [false, true])
        expect(await ask({ tenant }, optional, secret)).toBe('400 request_malformed')
  })

  test.each([
    ['absent', {}],
    ['misspelt', { Tenant: 't1' }],
    ['inherited', Object.create({ tenant: 't1' })],
    ['in another member', { params: { tenant: 't1' } }],
  ])('that are %s are refused, unless the reader is optional', async (_, params) => {
    expect(await ask(params)).toBe('400 request_malformed')
    expect(await ask(params, true)).toBe('200 t1')
  })

  test('that are encoded count as they are: the handler sees the same', async () => {
    expect(await ask({ tenant: 't%31' })).toBe('403 tenant_denied')
    expect(await ask({ tenant: 't%zz' })).toBe('403 tenant_denied')
  })
})

describe('path parameters of a host', () => {
  test('that passes none are unseen, and the event says so', async () => {
    for (const rest of [
      [],
      [{}],
      [{ params: undefined }],
      [{ params: null }],
      [{ params: 'tenant' }],
      [{ params: Promise.resolve(undefined) }],
      [{ params: Promise.resolve(null) }],
    ])
      expect(await answerOf(await guarded()(get(callers.secrets.t1), ...rest))).toBe(
        '400 request_malformed',
      )
    expect(callers.events.filter(({ type }) => type === 'access.refused').at(-1)).toMatchObject({
      reason: 'parameter_unseen',
      parameter: 'tenant',
    })
  })

  test('that passes two are refused unless the two agree', async () => {
    const ask = async (...rest: unknown[]) =>
      answerOf(await guarded(true)(get(callers.secrets.t1), ...rest))
    const [one, other] = [{ params: { tenant: 't1' } }, { params: { tenant: 't2' } }]
    expect(await ask(one, { params: Promise.resolve({ tenant: 't1' }) })).toBe('200 t1')
    expect(await ask(one, other)).toBe('400 request_malformed')
    expect(await ask(other, one)).toBe('400 request_malformed')
    expect(await ask({ params: {} }, one)).toBe('400 request_malformed')
    expect(await ask(one, { params: {} })).toBe('400 request_malformed')
  })

  test('may have the name then', async () => {
    const handler = requireAuth(
      callers.twinkey,
      { workflow: 'flows.read', tenant: from.param('then') },
      (_request, { tenant }, _context: object) => Response.json({ tenant }),
    )
    expect(
      await answerOf(
        await handler(get(callers.secrets.t1), { params: Object.fromEntries([['then', 't1']]) }),
      ),
    ).toBe('200 t1')
  })

  test('whose promise rejects make the guard reject: nothing is let in', async () => {
    const params = Promise.reject(new Error('no parameters'))
    await expect(guarded(true)(get(callers.secrets.t1), { params })).rejects.toThrow(
      'no parameters',
    )
  })

  test('are read without a promise if they are an object: the handler runs in the same turn', async () => {
    await warm(callers.twinkey, callers.secrets.t1)
    const turnsOf = async (params: unknown) => {
      let turns = 0
      let done = false
      const answered = guarded()(get(callers.secrets.t1), { params }).then(() => {
        done = true
      })
      while (!done) {
        turns++
        await null
      }
      await answered
      return turns
    }
    const none = requireAuth(callers.twinkey, { workflow: 'flows.read' }, () => new Response(''))
    await none(get(callers.secrets.t1))
    const [now, later] = [
      await turnsOf({ tenant: 't1' }),
      await turnsOf(Promise.resolve({ tenant: 't1' })),
    ]
    expect(later).toBeGreaterThan(now)
  })

  test('reach the handler unchanged, with the type that it declares', async () => {
    const GET = requireAuth(
      callers.twinkey,
      { workflow: 'flows.read', tenant: from.param('tenant') },
      async (_request, { tenant }, { params }: { params: Promise<{ tenant: string }> }) =>
        Response.json({ tenant: [tenant, (await params).tenant].join() }),
    )
    expectTypeOf(GET).parameters.toEqualTypeOf<[Request, { params: Promise<{ tenant: string }> }]>()
    const context = { params: Promise.resolve({ tenant: 't1' }) }
    expect(await answerOf(await GET(get(callers.secrets.t1), context))).toBe('200 t1,t1')
  })

  test('stay if the URL had to be changed for the handler', async () => {
    const handler = requireAuth(
      callers.twinkey,
      {
        workflow: 'flows.read',
        tenant: from.param('tenant'),
        profile: { ...flowgear(), target: {} },
      },
      (request, { tenant }, _context: object) =>
        Response.json({ tenant: tenant + new URL(request.url).search }),
    )
    const url = `http://localhost/flows?auth-key=${callers.secrets.t1}`
    const context = { params: Promise.resolve({ tenant: 't1' }) }
    expect(await answerOf(await handler(new Request(url), context))).toBe('200 t1')
  })

  test('stay on the request if the URL had to be changed for the handler', async () => {
    const handler = requireAuth(
      callers.twinkey,
      {
        workflow: 'flows.read',
        tenant: from.param('tenant'),
        profile: { ...flowgear(), target: {} },
      },
      (request) => Response.json((request as { params?: object }).params ?? {}),
    )
    const url = `http://localhost/flows?auth-key=${callers.secrets.t1}`
    const request = Object.assign(new Request(url), { params: { tenant: 't1' } })
    expect(await answerOf(await handler(request))).toBe('200 t1')
  })
})

describe('on Bun', () => {
  const runner = createGuideRunner()
  afterAll(() => {
    runner.stop()
    runner.remove()
  })
  let url: string
  beforeAll(async () => {
    const program = await runner.run(
      `import { createTwinkey } from 'twinkey'
import { createTestKey } from 'twinkey/testing'
import { from, requireAuth } from 'twinkey/web'

const twinkey = createTwinkey({ environments: ['production'] })
const { headers } = await createTestKey(twinkey, { tenants: ['t1'], workflows: ['flows.read'] })
const server = Bun.serve({
  port: 0,
  routes: {
    '/credential': Response.json(headers),
    '/tenants/:tenant/flows': requireAuth(
      twinkey,
      { tenant: from.param('tenant'), workflow: 'flows.read' },
      (request, { tenant }) => Response.json({ tenant: [tenant, request.params.tenant].join() }),
    ),
    '/flows/*': requireAuth(
      twinkey,
      { tenant: from.param('tenant'), workflow: 'flows.read' },
      () => new Response('in'),
    ),
  },
})
console.log('Listening on http://localhost:' + server.port)
`,
      'bun',
    )
    url = program.url
  })

  test('the guard reads the parameters of the route', async () => {
    const headers = (await (await fetch(`${url}/credential`)).json()) as Record<string, string>
    const ask = async (path: string) => answerOf(await fetch(url + path, { headers }))
    expect(await ask('/tenants/t1/flows')).toBe('200 t1,t1')
    expect(await ask('/tenants/t%31/flows')).toBe('200 t1,t1')
    expect(await ask('/tenants/t2/flows')).toBe('403 tenant_denied')
    expect(await ask('/tenants/t1%2F/flows')).toBe('403 tenant_denied')
    expect(await ask('/flows/t1')).toBe('400 request_malformed')
  })
})
