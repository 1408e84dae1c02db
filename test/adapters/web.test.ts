import { from } from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { requireAuth } from 'twinkey/web'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Callers, createCallers, warm } from './callers.ts'

let callers: Callers
beforeEach(async () => {
  callers = await createCallers()
})

const request = (secret: string, url = 'http://localhost/flows', init: RequestInit = {}) =>
  new Request(url, { headers: { authorization: `Bearer ${secret}` }, ...init })

describe('with other handlers, as a plain handler', () => {
  test('pending work goes to the context, at any position among the arguments', async () => {
    const before = callers.spy.calls.recordUse
    const waited: Promise<unknown>[] = []
    const context = { waitUntil: (work: Promise<unknown>) => void waited.push(work) }
    const handler = requireAuth(
      callers.twinkey,
      { workflow: 'flows.read' },
      (_request, { name }, _env: object, _context: typeof context) => Response.json({ name }),
    )
    expect((await handler(request(callers.secrets.t1), {}, context)).status).toBe(200)
    await Promise.all(waited)
    expect(waited.length).toBe(1)
    expect(callers.spy.calls.recordUse).toBe(before + 1)
  })

  test('a guard exempts no method', async () => {
    const handler = requireAuth(
      callers.twinkey,
      { workflow: 'flows.read' },
      () => new Response('in'),
    )
    for (const method of ['OPTIONS', 'HEAD', 'DELETE', 'PATCH'])
      expect(
        (await handler(new Request('http://localhost/flows', { method }))).status,
        method,
      ).toBe(401)
  })

  test('guards can be composed: the handler behind two of them has a principal of each', async () => {
    const { twinkey } = callers
    const inner = requireAuth(
      twinkey,
      { workflow: 'flows.read', tenant: from.header('x-tenant', { optional: true }) },
      (_request, { tenant }, outer: string) => Response.json([outer, tenant]),
    )
    const outer = requireAuth(twinkey, { anyTarget: true }, (each, { name }) => inner(each, name))
    expect(await (await outer(request(callers.secrets.t1))).json()).toEqual(['t1', 't1'])
    const elsewhere = new Request('http://localhost/flows', {
      headers: { authorization: `Bearer ${callers.secrets.t1}`, 'x-tenant': 't2' },
    })
    expect((await outer(elsewhere)).status).toBe(403)
  })

  test('the body behind a guard can be read, also after the URL had to be changed', async () => {
    const handler = requireAuth(
      callers.twinkey,
      { workflow: 'flows.read', profile: { ...flowgear(), target: {} } },
      async (each) => Response.json([new URL(each.url).search, await each.json()]),
    )
    const sent = new Request(`http://localhost/flows?auth-key=${callers.secrets.t1}&a=1`, {
      method: 'POST',
      body: '{"b":2}',
    })
    expect(await (await handler(sent)).json()).toEqual(['?a=1', { b: 2 }])
  })

  test('a requirement that reads a parameter refuses every request, if the host passes none', async () => {
    const handler = requireAuth(
      callers.twinkey,
      { workflow: 'flows.read', tenant: from.param('tenant') },
      () => new Response('in'),
    )
    expect((await handler(request(callers.secrets.t1, 'http://localhost/tenants/t2'))).status).toBe(
      400,
    )
  })

  test('a reader of the path that finds no name returns one that is refused', async () => {
    const tenantOf = (url: string) => /^\/tenants\/(\w+)$/.exec(new URL(url).pathname)?.[1] ?? ''
    const handler = requireAuth(
      callers.twinkey,
      { workflow: 'flows.read', tenant: ({ url }) => tenantOf(url) },
      () => new Response('in'),
    )
    const statuses = []
    for (const path of ['t1', 't2', ''])
      statuses.push(
        (await handler(request(callers.secrets.t1, `http://localhost/tenants/${path}`))).status,
      )
    expect(statuses).toEqual([200, 403, 400])
  })

  test('an optional guard calls the handler without a principal, and refuses inactive Twinkey credentials', async () => {
    const requirement = { workflow: 'flows.read', optional: true }
    const handler = requireAuth(
      callers.twinkey,
      requirement,
      (_request, principal) => new Response(principal?.name ?? 'nobody'),
    )
    expect(await (await handler(new Request('http://localhost/'))).text()).toBe('nobody')
    expect(await (await handler(request(callers.secrets.t1))).text()).not.toBe('nobody')
    expect((await handler(request(`${callers.secrets.t1.slice(0, -1)}!`))).status).not.toBe(200)
  })

  test.each(['cold', 'warm'])(
    'a reader that throws rejects, and the handler does not run: %s',
    async (state) => {
      let called = false
      const reader = () => {
        throw new Error('the reader broke')
      }
      const handler = requireAuth(
        callers.twinkey,
        { workflow: 'flows.read', tenant: reader },
        () => {
          called = true
          return new Response('in')
        },
      )
      if (state === 'warm') await warm(callers.twinkey, callers.secrets.anyTenant)
      await expect(handler(request(callers.secrets.anyTenant))).rejects.toThrow('the reader broke')
      expect(called).toBe(false)
    },
  )
})
