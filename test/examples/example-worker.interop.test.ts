import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { type Client, createClient } from '@libsql/client'
import { type CreatedKey, generateSigningKey } from 'twinkey'
import { d1Store } from 'twinkey/stores/d1'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { bundleWorker } from '../../examples/worker/bundle.ts'
import { tour } from '../../examples/worker/tour.ts'
import type worker from '../../examples/worker/worker.ts'
import { d1Over } from '../support/d1.ts'
import { linesOf } from '../support/example.ts'
import { newFolder } from '../support/sqlite.ts'

const folder = newFolder()
const adminToken = randomUUID()
const signingKey = generateSigningKey()
let bundle: string
beforeAll(async () => {
  bundle = await bundleWorker()
})
afterAll(() => rmSync(folder, { recursive: true }))

async function openDatabase(): Promise<Client> {
  const client = createClient({ url: `file:${join(folder, `${randomUUID()}.db`)}` })
  onTestFinished(() => client.close())
  await d1Store(d1Over(client)).migrate()
  return client
}

/**
 * Serves the bundle as an isolate of its own. Work that a request has begun ends with its answer,
 * unless `waitUntil` received it.
 */
async function startIsolate(client: Client, { keepsWork = true } = {}): Promise<string> {
  const file = join(folder, `${randomUUID()}.mjs`)
  writeFileSync(file, bundle)
  const isolate = (await import(/* @vite-ignore */ file)) as { default: typeof worker }
  let open = 0
  const env = {
    DB: d1Over(client, () => open > 0),
    ADMIN_TOKEN: adminToken,
    SIGNING_KEY: JSON.stringify(await signingKey),
  }
  const server = serve({
    port: 0,
    async fetch(request) {
      const kept: Promise<unknown>[] = []
      open++
      try {
        const host = {
          waitUntil: (work: Promise<unknown>) => void kept.push(work),
          passThroughOnException() {},
          props: {},
        }
        return await isolate.default.fetch(request, env, host)
      } finally {
        void Promise.allSettled(keepsWork ? kept : []).then(() => open--)
      }
    },
  })
  onTestFinished(() => void server.close())
  await vi.waitUntil(() => server.listening)
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

test('the bundle of the example worker uses nothing of Node', () => {
  expect(bundle).toContain('waitUntil')
  expect(bundle).not.toMatch(/(?:from|import|require)\s*\(?\s*["'](?:node:|crypto|buffer)/)
})

test('the example worker guards, exchanges, and follows in one isolate what another has changed', async () => {
  const client = await openDatabase()
  const [here, elsewhere] = await Promise.all([startIsolate(client), startIsolate(client)])
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  onTestFinished(() => log.mockRestore())
  await tour({ here, elsewhere, adminToken })
  expect(linesOf(log.mock.calls.map(([line]) => line).join('\n'))).toEqual([
    'A key',
    '201 created',
    '400 created without a tenant: invalid_input',
    '200 its primary secret',
    '200 its secondary secret',
    '401 no credential: credential_missing',
    '403 another tenant: tenant_denied',
    '403 another environment: environment_denied',
    '400 no environment: target_missing',
    '403 another workflow: workflow_denied',
    'A token',
    '200 a token',
    '200 one for t1',
    '403 one wider than the key: tenant_denied',
    '401 a token exchanged for a token: credential_invalid',
    '200 the token reads t2',
    '403 the one for t1 reads t2: tenant_denied',
    '200 the token reads t1 elsewhere',
    '200 the caller of the token',
    '200 the public keys',
    '1 published',
    'After the answer: waitUntil records last uses',
    '2 of 2 secrets show their last use',
    'A renewed secret',
    '200 a new secondary',
    '401 the old secondary: credential_invalid',
    '200 the new secondary',
    '200 the new secondary elsewhere',
    '200 the primary',
    'Revoked',
    '200 revoked',
    '401 the token: credential_invalid',
    '401 the token elsewhere, when the cached record is too old: credential_invalid',
  ])
})

test.each([
  ['is written by a host that has waitUntil', true, 1],
  ['is lost by one that ends everything with the answer', false, 0],
])('a last use %s', async (_what, keepsWork, written) => {
  const client = await openDatabase()
  const url = await startIsolate(client, { keepsWork })
  const warned = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => warned.mockRestore())
  const body = JSON.stringify({
    name: 'Billing',
    scope: { tenants: ['t1'], environments: ['production'], workflows: '*' },
  })
  const made = await fetch(`${url}/admin/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}` },
    body,
  })
  const { primary } = (await made.json()) as CreatedKey
  const headers = { 'x-api-key': primary, 'x-environment': 'production' }
  expect((await fetch(`${url}/tenants/t1/customers`, { headers })).status).toBe(200)
  await setTimeout(200)
  expect((await client.execute('select * from twinkey_uses')).rows).toHaveLength(written)
})
