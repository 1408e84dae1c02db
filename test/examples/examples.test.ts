import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { secretPattern } from 'twinkey'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { untilListening } from '../../examples/program.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const scratch = mkdtempSync(join(cache, 'twinkey-examples-'))
// Without it, tsx would follow the paths of the project to src. The examples run against the
// package, by its own exports.
const tsconfig = join(scratch, 'tsconfig.json')
writeFileSync(tsconfig, '{}')
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

// What a host of Workers does, on a server of Node.
const WORKER_HOST = `
  import { serve } from '@hono/node-server'
  import worker from './examples/web/worker.ts'
  const port = Number(process.env.PORT)
  const context = { waitUntil: (work) => void work }
  const server = serve({ fetch: (request) => worker.fetch(request, process.env, context), port }, () => console.log('Listening on http://localhost:' + port))
  process.once('SIGTERM', () => server.close(() => console.log('Closed')))`

const examples: Readonly<Record<string, readonly string[]>> = {
  express: ['examples/express/server.ts'],
  fastify: ['examples/fastify/server.ts'],
  hono: ['examples/hono/server.ts'],
  web: ['--input-type=module', '--eval', WORKER_HOST],
}

/** A running example, and its output. */
interface Running {
  readonly program: ChildProcess
  readonly url: string
  printed(): string
}

async function start(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const env = {
    ...process.env,
    ...more,
    TSX_TSCONFIG_PATH: tsconfig,
    PORT: String(await freePort()),
  }
  const program = spawn(process.execPath, ['--import', 'tsx', ...args], {
    cwd: root,
    env,
    stdio: 'pipe',
  })
  return { program, ...(await untilListening(program)) }
}

test('the examples use the package that is built', () => {
  const program =
    "console.log(import.meta.resolve('twinkey'), import.meta.resolve('twinkey/express'))"
  const env = { ...process.env, TSX_TSCONFIG_PATH: tsconfig }
  const resolved = execFileSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    { cwd: root, env },
  )
  expect(String(resolved)).toMatch(/\/dist\/index\.js .*\/dist\/express\.js$/m)
})

describe.each(Object.entries(examples))('the example %s', (_name, args) => {
  let running: Running
  let secret = ''
  let token = ''

  const call = (path: string, credential?: string, method = 'GET') =>
    fetch(running.url + path, {
      method,
      headers: credential === undefined ? {} : { authorization: `Bearer ${credential}` },
    })

  beforeAll(async () => {
    running = await start(args)
    // A Worker begins with its first request.
    await call('/')
    await vi.waitFor(() => expect(running.printed()).toMatch(secretPattern('acme')))
    secret = secretPattern('acme').exec(running.printed())?.[0] ?? ''
  })
  afterAll(() => running?.program.kill('SIGKILL'))

  test('answers 401 and a challenge without a key', async () => {
    const response = await call('/customers/c1')
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="api"')
    expect(await response.json()).toMatchObject({ code: 'credential_missing' })
  })

  test('answers 401 to a key with a typo', async () => {
    const typo = secret.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    expect((await call('/customers/c1', typo)).status).toBe(401)
  })

  test('accepts the key, as Bearer and as X-API-Key', async () => {
    const response = await call('/customers/c1', secret)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ id: 'c1', tenant: 't1', name: 'Ada Lovelace' })
    expect(
      (await fetch(`${running.url}/customers/c1`, { headers: { 'x-api-key': secret } })).status,
    ).toBe(200)
    expect((await call('/customers/nobody', secret)).status).toBe(404)
  })

  test('answers 403 if the key does not cover the workflow', async () => {
    const response = await call('/customers/c1', secret, 'DELETE')
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ code: 'workflow_denied' })
    expect((await call('/customers/c1', secret)).status).toBe(200)
  })

  test('takes the tenant from the path', async () => {
    const own = await call('/tenants/t1/customers', secret)
    expect({ status: own.status, body: await own.json() }).toEqual({
      status: 200,
      body: [{ id: 'c1', tenant: 't1', name: 'Ada Lovelace' }],
    })
    const other = await call('/tenants/t2/customers', secret)
    expect({ status: other.status, body: await other.json() }).toMatchObject({
      status: 403,
      body: { code: 'tenant_denied' },
    })
  })

  test('exchanges the key for a token, and accepts the token', async () => {
    const response = await call('/tokens', secret, 'POST')
    expect(response.status).toBe(200)
    const issued = (await response.json()) as { access_token: string; expires_in: number }
    expect(issued.expires_in).toBe(3600)
    token = issued.access_token
    expect((await call('/customers/c1', token)).status).toBe(200)
    expect((await call('/customers/c1', token, 'DELETE')).status).toBe(403)
    expect((await call('/tokens', token, 'POST')).status).toBe(401)
  })

  test('says whose token it is, and publishes the key that verifies it', async () => {
    expect(await (await call('/tokens/test', token)).json()).toMatchObject({
      name: 'Billing',
      via: 'token',
      tenants: ['t1'],
    })
    const { keys } = (await (await call('/tokens/jwks.json')).json()) as {
      keys: Record<string, unknown>[]
    }
    const [header = ''] = token.split('.')
    expect(keys.map(({ kid }) => kid)).toEqual([
      JSON.parse(Buffer.from(header, 'base64url').toString()).kid,
    ])
    expect(keys[0]).not.toHaveProperty('d')
  })

  test('prints its secret once, and nothing else of it', () => {
    expect(running.printed().split(secret).length).toBe(2)
    expect(running.printed()).not.toMatch(/warn|error/i)
  })

  test('stops on request, while keep-alive clients keep sending', async ({ onTestFinished }) => {
    if (!args.includes('--eval')) keepCalling(running.url, secret, onTestFinished)
    const ended = new Promise((resolve) =>
      running.program.once('exit', (code, signal) => resolve({ code, signal })),
    )
    running.program.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(running.printed()).toContain('Closed')
  })
})

test('an unknown example is answered with the known ones', () => {
  const ask = (name: string) =>
    spawnSync(process.execPath, ['examples/start.mjs', name], { cwd: root, encoding: 'utf8' })
  for (const name of ['', 'nobody', '../test/run', 'tenants/../throttle/server'])
    expect(ask(name)).toMatchObject({
      status: 2,
      stderr:
        'Use: npm run example tenants|own-store|verifier-service|worker|gateway|mcp|client|webhooks\n',
    })
})

describe('the example throttle', () => {
  let running: Running
  const call = (headers: Record<string, string>, path = '/customers', method = 'GET') =>
    fetch(running.url + path, { method, headers })

  beforeAll(async () => {
    running = await start(['examples/throttle/server.ts'], { PROXIES: '127.0.0.1' })
    await vi.waitFor(() => expect(running.printed()).toMatch(secretPattern('acme')))
  })
  afterAll(() => running?.program.kill('SIGKILL'))

  test('answers 429 after ten refused credentials of one peer, and still serves the key in use and other peers', async () => {
    const key = { 'x-api-key': secretPattern('acme').exec(running.printed())?.[0] ?? '' }
    const guess = { 'x-api-key': 'acme_typo' }
    const from = (address: string) => ({ 'x-forwarded-for': address })
    expect((await call({ ...key, ...from('203.0.113.9') })).status).toBe(200)
    for (let i = 0; i < 10; i++)
      expect((await call({ ...guess, ...from('203.0.113.9') })).status).toBe(401)
    const answer = await call({ ...guess, ...from('203.0.113.9') })
    expect([answer.status, await answer.json()]).toMatchObject([429, { code: 'rate_limited' }])
    expect(Number(answer.headers.get('retry-after'))).toSatisfy(
      (seconds: number) => seconds > 0 && seconds <= 300,
    )
    expect((await call({ ...guess, ...from('203.0.113.9') }, '/tokens', 'POST')).status).toBe(429)
    expect((await call({ ...key, ...from('203.0.113.9') })).status).toBe(200)
    expect((await call({ ...guess, ...from('203.0.113.10') })).status).toBe(401)
  })

  test('counts the addresses of one IPv6 network as one peer', async () => {
    const guess = async (address: string) =>
      (await call({ 'x-api-key': 'acme_typo', 'x-forwarded-for': address })).status
    for (let i = 0; i < 10; i++) expect(await guess(`2001:db8:0:1::${i}`)).toBe(401)
    expect([
      await guess('2001:db8::1:aaaa:bbbb:cccc:dddd'),
      await guess('2001:db8::2:0:0:0:1'),
    ]).toEqual([429, 401])
    expect(running.printed()).not.toMatch(/warn|error/i)
  })
})

// Forty clients with one connection each, which never wait between two calls.
function keepCalling(url: string, secret: string, onTestFinished: (end: () => void) => void): void {
  let isOver = false
  onTestFinished(() => {
    isOver = true
  })
  for (let i = 0; i < 40; i++) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const call = () => {
      if (isOver) return agent.destroy()
      get(`${url}/customers/c1`, { agent, headers: { 'x-api-key': secret } }, (response) =>
        response.resume().on('close', call),
      ).on('error', () => setImmediate(call))
    }
    call()
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, () => {
      const address = server.address()
      server.close(() =>
        resolve(address !== null && typeof address === 'object' ? address.port : 0),
      )
    })
  })
}
