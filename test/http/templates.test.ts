import { createTwinkey, from, type Twinkey } from 'twinkey'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRaw } from '../support/raw-http.ts'
import { type Host, hosts } from './hosts.ts'
import type { Route } from './routes.ts'

const requirement = { workflow: from.routeTemplate() }

const routes: readonly Route[] = [
  { method: 'GET', path: '/top/:id', requirement },
  { method: 'GET', mounts: ['/literal'], path: '/run', requirement },
  { method: 'GET', mounts: ['/tenants/:tenant'], path: '/items/:id', requirement },
  { method: 'GET', mounts: ['/outer/:outer', '/inner/:inner'], path: '/run', requirement },
  { method: 'GET', mounts: ['/deep', '/:level'], path: '/run', requirement },
  { method: 'POST', mounts: ['/tenants/:tenant'], path: '/items/:id', requirement },
  { method: 'GET', mounts: ['/area/:area'], path: '/run', requirement },
]

/**
 * A requested path, and the only workflow whose key may reach it. The rows below have workflows
 * that the text of the path spells.
 */
const rows: readonly (readonly [path: string, workflow: string, ...spelled: string[]])[] = [
  ['/top/7', 'GET /top/:id', 'GET /top/7'],
  ['/literal/run', 'GET /literal/run', 'GET /run', 'GET /:literal/run'],
  [
    '/tenants/t1/items/7',
    'GET /tenants/:tenant/items/:id',
    'GET /tenants/t1/items/:id',
    'GET /tenants/t1/items/7',
    'GET /items/:id',
  ],
  ['/tenants/:tenant/items/7', 'GET /tenants/:tenant/items/:id'],
  [
    '/tenants/%3Atenant/items/7',
    'GET /tenants/:tenant/items/:id',
    'GET /tenants/%3Atenant/items/:id',
  ],
  [
    '/outer/a/inner/b/run',
    'GET /outer/:outer/inner/:inner/run',
    'GET /outer/a/inner/b/run',
    'GET /outer/:outer/inner/b/run',
  ],
  ['/deep/literal/run', 'GET /deep/:level/run', 'GET /deep/literal/run', 'GET /literal/run'],
  ['/area/public/run', 'GET /area/:area/run', 'GET /area/public/run', 'GET /public/run'],
]

describe.each(Object.entries(hosts))('the template of a mounted route on %s', (_name, start) => {
  let twinkey: Twinkey
  let host: Host
  const secrets = new Map<string, string>()

  beforeAll(async () => {
    twinkey = createTwinkey()
    for (const workflow of new Set(rows.flatMap(([, ...workflows]) => workflows))) {
      const { primary } = await twinkey.keys.create({
        name: workflow,
        scope: { tenants: ['t1'], workflows: [workflow] },
      })
      secrets.set(workflow, primary)
    }
    host = await start(twinkey, { routes, tokens: {} })
  })
  afterAll(async () => {
    await host.close()
    await twinkey.close()
  })

  async function ask(target: string, workflow: string, method = 'GET') {
    const { status, body } = await sendRaw(host.port, {
      method,
      target,
      headers: [['Authorization', `Bearer ${secrets.get(workflow)}`]],
    })
    return { status, ...JSON.parse(body || '{}') } as {
      status: number
      workflow?: string
      code?: string
    }
  }

  test.each(rows)('%s is the workflow %s', async (path, workflow) => {
    expect(await ask(path, workflow)).toMatchObject({ status: 200, workflow })
    expect((await ask(path, workflow, 'HEAD')).status).toBe(200)
  })

  test.each(rows)('%s accepts no key for the text of its path', async (path, workflow) => {
    for (const other of secrets.keys())
      if (other !== workflow)
        expect(await ask(path, other), other).toMatchObject({
          status: 403,
          code: 'workflow_denied',
        })
  })

  test('the method is part of the workflow', async () => {
    expect(
      await ask('/tenants/t1/items/7', 'GET /tenants/:tenant/items/:id', 'POST'),
    ).toMatchObject({ status: 403 })
  })
})
