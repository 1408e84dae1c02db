import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  createTwinkey,
  type Principal,
  param,
  type Requirement,
  routeTemplate,
  type Twinkey,
} from 'twinkey'
import { flowgear } from 'twinkey/profiles'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blockWith, createGuideRunner } from '../support/guide.ts'
import { type RawRequest, sendRaw } from '../support/raw-http.ts'

const GUIDE = 'writing-an-adapter'
const { load, remove } = createGuideRunner()
const servers: Server[] = []
afterAll(() => {
  for (const each of servers) each.close()
  remove()
})

type Handle = (req: IncomingMessage, res: ServerResponse, principal: Principal) => void
interface Adapter {
  readonly twinkey: Twinkey
  readonly server: Server
  requireAuth(twinkey: Twinkey, requirement: Requirement, handler: Handle): unknown
  createRouter(routes: Readonly<Record<string, unknown>>): Server
}

async function listen(server: Server): Promise<number> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function secretOf(twinkey: Twinkey, workflows: readonly string[] | '*'): Promise<string> {
  const scope = { tenants: ['t1'], environments: '*', workflows } as const
  return (await twinkey.keys.create({ name: 'Caller', scope })).primary
}

describe('the adapter of docs/writing-an-adapter.md', async () => {
  const adapter = await load<Adapter>(blockWith(GUIDE, 'createRouter'))
  const { twinkey } = adapter
  const secret = await secretOf(twinkey, ['flows.read'])
  const bearer = ['Authorization', `Bearer ${secret}`] as const
  let port: number
  beforeAll(async () => {
    port = await listen(adapter.server)
  })
  const ask = (target: string, more: Partial<RawRequest> = {}) => sendRaw(port, { target, ...more })
  const codeOf = async (target: string, headers: RawRequest['headers']) => {
    const { status, body } = await ask(target, { headers: headers ?? [] })
    return `${status} ${(JSON.parse(body) as { code?: string }).code}`
  }

  test('lets a caller in and passes the principal on', async () => {
    const { status, body } = await ask('/tenants/t1/flows', { headers: [bearer] })
    expect([status, JSON.parse(body)]).toEqual([200, { caller: 'Caller', tenant: 't1' }])
  })

  test('refuses what every adapter refuses', async () => {
    expect(await codeOf('/tenants/t1/flows', [])).toBe('401 credential_missing')
    expect(await codeOf('/tenants/t2/flows', [bearer])).toBe('403 tenant_denied')
    expect(await codeOf('/tenants/t1/flows', [bearer, bearer])).toBe('400 credential_ambiguous')
    expect(await codeOf('/tenants/t1/flows', [bearer, ['X-API-Key', secret]])).toBe(
      '400 credential_ambiguous',
    )
    const { headers } = await ask('/tenants/t1/flows')
    expect(headers['content-type']).toBe('application/problem+json')
    expect(headers['www-authenticate']).toContain('Bearer')
  })

  test('decodes parameters before the guard sees them, and answers 400 if that fails', async () => {
    expect(await codeOf('/tenants/t%32/flows', [bearer])).toBe('403 tenant_denied')
    expect((await ask('/tenants/t%31/flows', { headers: [bearer] })).status).toBe(200)
    expect((await ask('/tenants/%ff/flows', { headers: [bearer] })).status).toBe(400)
    expect((await ask('/tenants/t1/other', { headers: [bearer] })).status).toBe(404)
  })

  test('keeps a secret of the query from the handler and from caches', async () => {
    const guarded = adapter.requireAuth(
      twinkey,
      { profile: flowgear(), workflow: 'flows.read' },
      (req, res) => res.end(req.url),
    )
    const own = await listen(adapter.createRouter({ 'GET /seen': guarded }))
    const { status, headers, body } = await sendRaw(own, {
      target: `/seen?auth-key=${secret}&page=2`,
    })
    expect([status, headers['cache-control'], body]).toEqual([200, 'no-store', '/seen?page=2'])
  })

  test('names a workflow by the template, and finds a requirement that is wrong at once', async () => {
    const allowed = await secretOf(twinkey, ['GET /items/:id'])
    const guarded = adapter.requireAuth(
      twinkey,
      { workflow: routeTemplate() },
      (_req, res, { workflow }) => res.end(workflow),
    )
    const own = await listen(adapter.createRouter({ 'GET /items/:id': guarded }))
    const headers = [['Authorization', `Bearer ${allowed}`]] as const
    expect((await sendRaw(own, { target: '/items/7', headers })).body).toBe('GET /items/:id')
    expect((await sendRaw(own, { target: '/items/7', headers: [bearer] })).status).toBe(403)
    const wrong = { workflows: ['x'] } as object
    expect(() => adapter.requireAuth(twinkey, wrong, () => {})).toThrow(TypeError)
  })

  test('refuses a parameter that the route lacks, and one that an object inherits', async () => {
    for (const name of ['account', 'constructor']) {
      const guarded = adapter.requireAuth(twinkey, { tenant: param(name) }, (_req, res) =>
        res.end(),
      )
      const own = await listen(adapter.createRouter({ 'GET /items/:id': guarded }))
      const { status, body } = await sendRaw(own, { target: '/items/7', headers: [bearer] })
      expect(`${status} ${body}`).toMatch(/^400 .*request_malformed/)
    }
  })
})

test('the WebSocket guard of docs/writing-an-adapter.md decides at the upgrade', async () => {
  type Upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>
  type Connect = (req: IncomingMessage, socket: Duplex, head: Buffer, principal: Principal) => void
  const { guardUpgrades } = await load<{
    guardUpgrades(twinkey: Twinkey, connect: Connect): Upgrade
  }>(blockWith(GUIDE, 'guardUpgrades'))
  const twinkey = createTwinkey({ environments: ['production'] })
  const server = createServer()
  const connect: Connect = (_req, socket, _head, { name }) =>
    socket.end(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nX-Caller: ${name}\r\n\r\n`,
    )
  server.on('upgrade', guardUpgrades(twinkey, connect))
  const port = await listen(server)
  const upgrade = [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
  ] as const
  const refused = await sendRaw(port, { target: '/', headers: upgrade })
  expect(refused.status).toBe(401)
  expect(JSON.parse(refused.body)).toMatchObject({ code: 'credential_missing' })
  const secret = await secretOf(twinkey, ['events.read'])
  const headers = [...upgrade, ['X-API-Key', secret]] as const
  expect((await sendRaw(port, { target: '/', headers })).headers['x-caller']).toBe('Caller')
})

test('the context of docs/writing-an-adapter.md has the caller, or the code of the refusal', async () => {
  const { createContext } = await load<{
    createContext(given: { req: Request }): Promise<{ caller?: Principal; error?: string }>
  }>(blockWith(GUIDE, 'createContext'))
  const req = new Request('http://localhost/')
  expect(await createContext({ req })).toEqual({ error: 'credential_missing' })
})
