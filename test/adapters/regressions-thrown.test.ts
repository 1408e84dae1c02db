import type { AddressInfo } from 'node:net'
import express from 'express'
import { fastify } from 'fastify'
import { createTwinkey } from 'twinkey'
import * as onExpress from 'twinkey/express'
import * as onFastify from 'twinkey/fastify'
import { managementEndpoints } from 'twinkey/management'
import { standard } from 'twinkey/profiles'
import { describe, expect, test } from 'vitest'

// Express and Fastify treat an undefined error as success. Express takes 'route' as a command.
const THROWN = [undefined, null, 0, '', false, 'route', 'router', new Error('real')]

const twinkey = createTwinkey()
const SECRET = (await twinkey.keys.create({ name: 'a', scope: { tenants: '*', workflows: '*' } }))
  .primary

/** Code of the application that throws, within a guard or an endpoint. */
function requirements(thrown: unknown) {
  const fail = () => {
    throw thrown
  }
  return {
    'a reader': { tenant: fail, workflow: 'read' },
    'a profile, at once': { workflow: 'read', profile: { ...standard(), refuse: fail } },
    'a profile, after a wait': { workflow: 'read', profile: { ...standard(), refuse: fail } },
  }
}

async function statusOf(url: string, secret?: string): Promise<number> {
  const headers = { 'x-twinkey': '1', ...(secret && { authorization: `Bearer ${secret}` }) }
  return (await fetch(url, { headers, signal: AbortSignal.timeout(3000) })).status
}

const credentialFor = (where: string) =>
  where === 'a reader'
    ? SECRET
    : where === 'a profile, at once'
      ? undefined
      : `${SECRET.slice(0, -1)}${SECRET.endsWith('a') ? 'b' : 'a'}`

describe.each(THROWN.map((thrown) => [String(thrown), thrown] as const))('%s', (_name, thrown) => {
  const api = () =>
    managementEndpoints(twinkey, { authorize: () => Promise.reject(thrown) as never })

  test.each(Object.entries(requirements(thrown)))(
    'thrown by %s rejects the request on Express',
    async (where, requirement) => {
      const app = express().set('env', 'test')
      const guard = onExpress.requireAuth(twinkey, requirement as never)
      app.get('/', guard, (_req, res) => void res.send('in'))
      app.get('/', (_req, res) => void res.send('in'))
      const server = app.listen(0)
      const { port } = server.address() as AddressInfo
      expect(await statusOf(`http://127.0.0.1:${port}/`, credentialFor(where))).toBe(500)
      server.close()
    },
  )

  test.each(Object.entries(requirements(thrown)))(
    'thrown by %s rejects the request on Fastify',
    async (where, requirement) => {
      const app = fastify()
      const onRequest = onFastify.requireAuth(twinkey, requirement as never)
      app.get('/', { onRequest }, async () => 'in')
      const url = await app.listen({ port: 0, host: '127.0.0.1' })
      expect(await statusOf(url, credentialFor(where))).toBe(500)
      await app.close()
    },
  )

  test('thrown by authorize is an error on Express and Fastify', async () => {
    const app = express().set('env', 'test').use('/api', onExpress.mount(api()))
    app.use((_req, res) => void res.send('in'))
    const server = app.listen(0)
    const { port } = server.address() as AddressInfo
    expect(await statusOf(`http://127.0.0.1:${port}/api/keys`)).toBe(500)
    server.close()
    const other = fastify()
    other.register(onFastify.mount(api()), { prefix: '/api' })
    const url = await other.listen({ port: 0, host: '127.0.0.1' })
    expect(await statusOf(`${url}/api/keys`)).toBe(500)
    await other.close()
  })
})
