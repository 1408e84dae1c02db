import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import { createTwinkey, generateSigningKey, type JWK, type Metadata, type Principal, type Requirement, type Twinkey } from 'twinkey'
import { requireAuth as onExpress } from 'twinkey/express'
import { requireAuth as onFastify } from 'twinkey/fastify'
import { requireAuth as onHono } from 'twinkey/hono'
import { requireAuth as onWeb } from 'twinkey/web'
import { describe, expectTypeOf, test } from 'vitest'

// Checked by the compiler: a line under @ts-expect-error that compiles is a mistake.

interface Plan extends Metadata {
  readonly plan: 'free' | 'paid'
}

const plain: Twinkey = createTwinkey()
const twinkey = createTwinkey<Plan>()

describe('what handlers see is typed', () => {
  test('on Express, and the parameters of the path keep their types', () => {
    express().get('/customers/:id', onExpress(plain, { workflow: 'customers.read' }), (req) => {
      expectTypeOf(req.params.id).toEqualTypeOf<string>()
      expectTypeOf(req.principal).toEqualTypeOf<Principal>()
      expectTypeOf(req.principal.tenant).toEqualTypeOf<string | undefined>()
      // @ts-expect-error: the path has no such parameter.
      void req.params.other
      // @ts-expect-error: a tenant may be missing.
      void req.principal.tenant.length
      // @ts-expect-error: a principal is read, not written.
      req.principal.name = 'other'
      // @ts-expect-error: a principal holds no secret.
      void req.principal.secret
    })
  })

  test('on Express, bodies and queries keep their types', () => {
    express().post<'/flows/:id', { id: string }, { ok: boolean }, { name: string }, { limit?: string }>(
      '/flows/:id',
      onExpress(plain),
      (req, res) => {
        expectTypeOf(req.body).toEqualTypeOf<{ name: string }>()
        expectTypeOf(req.query).toEqualTypeOf<{ limit?: string }>()
        res.json({ ok: true })
      },
    )
  })

  test('on Fastify', () => {
    const app = fastify()
    app.get<{ Params: { id: string } }>('/customers/:id', { onRequest: onFastify(plain) }, async (request) => {
      expectTypeOf(request.params.id).toEqualTypeOf<string>()
      expectTypeOf(request.principal).toEqualTypeOf<Principal>()
      // @ts-expect-error: a tenant may be missing.
      return request.principal.tenant.length
    })
  })

  test('on Hono, with the metadata of the Twinkey and the parameters of the path', () => {
    new Hono().get('/customers/:id', onHono(twinkey), (c) => {
      expectTypeOf(c.req.param('id')).toEqualTypeOf<string>()
      expectTypeOf(c.var.principal).toEqualTypeOf<Principal<Plan>>()
      expectTypeOf(c.get('principal').metadata.plan).toEqualTypeOf<'free' | 'paid'>()
      // @ts-expect-error: no such plan.
      void (c.var.principal.metadata.plan === 'gold')
      return c.body(null)
    })
    const open: Requirement = { workflow: 'flows.read', optional: true }
    new Hono().get('/open', onHono(twinkey, open), (c) => {
      // Nobody knows by now what stands in it.
      expectTypeOf(c.var.principal).toEqualTypeOf<Principal<Plan> | undefined>()
      return c.body(null)
    })
    new Hono().get('/closed', onHono(twinkey, { workflow: 'flows.read', optional: undefined }), (c) => {
      expectTypeOf(c.var.principal).toEqualTypeOf<Principal<Plan>>()
      return c.body(null)
    })
    new Hono().get('/open', (c) => {
      // @ts-expect-error: no guard, no principal.
      return c.json(c.var.principal.name)
    })
  })

  test('as a plain handler, with the metadata of the Twinkey and further arguments', () => {
    const handler = onWeb(twinkey, { workflow: 'flows.read' }, (_request, principal, env: { region: string }) => {
      expectTypeOf(principal).toEqualTypeOf<Principal<Plan>>()
      return Response.json([principal.metadata.plan, env.region])
    })
    expectTypeOf(handler).parameters.toEqualTypeOf<[Request, { region: string }]>()
    onWeb(twinkey, { optional: true }, (_request, principal) => {
      expectTypeOf(principal).toEqualTypeOf<Principal<Plan> | undefined>()
      return new Response()
    })
  })

  test('a signing key has a name', async () => {
    const key: JWK = await generateSigningKey()
    createTwinkey({ tokens: { issuer: 'i', audience: 'a', signingKeys: [key] } })
  })

  test('a requirement that would not guard does not compile', () => {
    // @ts-expect-error: no such member.
    void (() => onExpress(plain, { workflows: ['customers.read'] }))
    // @ts-expect-error: no such kind.
    void (() => onExpress(plain, { accept: ['cookie'] }))
    // @ts-expect-error: a name, or a reader.
    void (() => onExpress(plain, { tenant: 1 }))
    // @ts-expect-error: a reader does not wait.
    void (() => onExpress(plain, { tenant: async () => 't1' }))
  })
})
