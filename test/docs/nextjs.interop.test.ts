import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { generateSigningKey } from 'twinkey'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blockWith } from '../support/guide.ts'
import { filesOf, freePorts, untilAnswering } from '../support/guide-project.ts'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { createProject, type Project } from '../support/project.ts'
import { type RawRequest, sendRaw } from '../support/raw-http.ts'

// Beside the files of the page: pages and routes that a test needs.
const OWN: Readonly<Record<string, string>> = {
  'app/layout.tsx': `export default function Root({ children }: { children: React.ReactNode }) {
  return <html lang="en"><body>{children}</body></html>
}
`,
  'app/files/[...tenant]/route.ts': `import { from, requireAuth } from 'twinkey/web'
import { twinkey } from '../../../lib/twinkey'

export const GET = requireAuth(
  twinkey,
  { tenant: from.param('tenant', { optional: true }), workflow: 'flows.read' },
  (_request, { tenant }, _context: { params: Promise<{ tenant: string[] }> }) => Response.json({ tenant }),
)
`,
  // What the guard decides by, beside what Next.js passes to the handler.
  'app/seen/[tenant]/route.ts': `import { from, requireAuth } from 'twinkey/web'
import { twinkey } from '../../../lib/twinkey'

export const GET = requireAuth(
  twinkey,
  { tenant: from.param('tenant'), workflow: 'flows.read' },
  async (_request, { tenant }, { params }: { params: Promise<{ tenant: string }> }) =>
    Response.json({ guard: tenant, handler: (await params).tenant }),
)
`,
  'app/keys/route.ts': `import { twinkey } from '../../lib/twinkey'

const shared = globalThis as { made?: Promise<object> }

async function make() {
  const scope = { workflows: ['flows.read'] }
  const one = await twinkey.keys.create({ name: 'One', scope: { ...scope, tenants: ['t1'] } })
  const all = await twinkey.keys.create({ name: 'All', scope: { ...scope, tenants: '*' } })
  const other = await twinkey.keys.create({ name: 'Other', scope: { tenants: ['t1'], workflows: ['other'] } })
  return { id: one.key.id, one: one.primary, secondary: one.secondary, all: all.primary, other: other.primary }
}

export async function GET(_request: Request) {
  return Response.json(await (shared.made ??= make()))
}

export async function POST(request: Request) {
  const { id } = (await request.json()) as { id: string }
  const { primary } = await twinkey.keys.renew(id, { slots: 'primary' })
  return Response.json({ primary })
}

export const dynamic = 'force-dynamic'
`,
}

let project: Project
beforeAll(() => {
  project = createProject('nextjs', [
    '@types/node',
    '@types/pg',
    '@types/react',
    'next',
    'pg',
    'react',
    'react-dom',
    'typescript',
  ])
  project.write({ ...filesOf('nextjs'), ...OWN })
}, 300_000)
afterAll(() => project?.remove())

interface Keys {
  readonly id: string
  readonly one: string
  readonly secondary: string
  readonly all: string
  readonly other: string
}

// The page has two versions of lib/twinkey.ts: with the keys in memory, and for production.
describe.each(['start', 'dev'] as const)('the files of docs/nextjs.md under next %s', (command) => {
  let port: number
  let keys: Keys
  let postgres: PostgresServer | undefined
  const env: Record<string, string> = { NEXT_TELEMETRY_DISABLED: '1' }

  beforeAll(async () => {
    ;[port] = (await freePorts(1)) as [number]
    if (command === 'start') {
      const connected: unknown[] = []
      const trap = createServer((socket) => connected.push(socket.destroy())).listen(0, '127.0.0.1')
      await once(trap, 'listening')
      const nothing = {
        DATABASE_URL: '',
        SIGNING_KEYS: '',
        PGHOST: '127.0.0.1',
        PGPORT: String((trap.address() as AddressInfo).port),
      }
      // Checks the types, too: of the handlers, and of the routes that Next.js makes of them.
      project.run('next', ['build'], { ...env, ...nothing })
      await later(100)
      expect(connected).toEqual([])
      trap.close()
      project.run('tsc', ['--noEmit', '--project', '.'])
      postgres = await startPostgres()
      env['DATABASE_URL'] = postgres.url
      env['SIGNING_KEYS'] = JSON.stringify([await generateSigningKey()])
    } else {
      rmSync(join(project.folder, 'instrumentation.ts'))
      project.write({ 'lib/twinkey.ts': blockWith('nextjs', 'The keys are in memory.') })
    }
    await project.start('next', [command, '--port', String(port)], /Ready in/, env)
    await untilAnswering(`http://127.0.0.1:${port}/keys`)
    keys = (await (await fetch(`http://127.0.0.1:${port}/keys`)).json()) as Keys
  }, 300_000)
  afterAll(() => postgres?.stop())

  const bearer = (secret: string) => ['Authorization', `Bearer ${secret}`] as const
  const send = (target: string, secret?: string, more: Partial<RawRequest> = {}) =>
    sendRaw(port, { target, headers: secret === undefined ? [] : [bearer(secret)], ...more })
  const ask = async (target: string, secret?: string) => {
    const { status, body } = await send(target, secret)
    const { tenant, code } = (body.startsWith('{') ? JSON.parse(body) : {}) as Record<
      string,
      string
    >
    return `${status} ${code ?? tenant}`
  }

  test('guard a handler by the parameter of its path', async () => {
    expect(await ask('/tenants/t1/flows', keys.one)).toBe('200 t1')
    expect(await ask('/tenants/t2/flows', keys.one)).toBe('403 tenant_denied')
    expect(await ask('/tenants/t2/flows', keys.all)).toBe('200 t2')
    expect(await ask('/tenants/t1/flows', keys.other)).toBe('403 workflow_denied')
    expect(await ask('/tenants/t1/flows')).toBe('401 credential_missing')
  })

  test('answer a refusal as the profile does', async () => {
    const { headers } = await send('/tenants/t1/flows')
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'www-authenticate': 'Bearer realm="api"',
      'cache-control': 'no-store',
    })
  })

  test.each([
    ['t1', 't1'],
    ['t%31', 't1'],
    ['t%2F1', 't/1'],
    ['t1%252F', 't1%2F'],
    ['a+b', 'a+b'],
    ['%E4%BD%A0', '你'],
    ['t1%3Fa', 't1?a'],
    ['t1;x', 't1;x'],
  ])('decide by the decoded value of %s, which the handler sees', async (sent, seen) => {
    const { body } = await send(`/seen/${sent}`, keys.all)
    expect(JSON.parse(body)).toEqual({ guard: seen, handler: seen })
    expect(await ask(`/seen/${sent}`, keys.one)).toMatch(seen === 't1' ? /^200/ : /^403/)
  })

  test('refuse a parameter that is no name', async () => {
    expect(await ask('/tenants/t1%00/flows', keys.all)).toBe('400 request_malformed')
    expect(await ask('/tenants/*/flows', keys.all)).toBe('400 request_malformed')
    expect(await ask('/files/t1', keys.one)).toBe('400 request_malformed')
    expect(await ask('/files/t1/a', keys.one)).toBe('400 request_malformed')
    // Next.js itself answers this.
    expect((await send('/tenants/t%zz/flows', keys.all)).status).toBeGreaterThanOrEqual(400)
  })

  test('take no parameter from the query or from headers', async () => {
    const headers = [
      bearer(keys.one),
      ['x-matched-path', '/tenants/t1/flows'],
      ['x-now-route-matches', 'nxtPtenant=t1'],
      ['x-middleware-rewrite', '/tenants/t1/flows'],
    ] as const
    const { status } = await send('/tenants/t2/flows?nxtPtenant=t1&tenant=t1', undefined, {
      headers,
    })
    expect(status).toBe(403)
  })

  test('exchange a key for a token, and publish the public keys', async () => {
    const issued = await send('/tokens', keys.one, { method: 'POST' })
    expect(issued.status).toBe(200)
    const { access_token } = JSON.parse(issued.body) as { access_token: string }
    expect(await ask('/tenants/t1/flows', access_token)).toBe('200 t1')
    expect(await ask('/tenants/t2/flows', access_token)).toBe('403 tenant_denied')
    expect(JSON.parse((await send('/tokens/jwks.json')).body).keys.length).toBeGreaterThan(0)
    expect((await send('/tokens/other')).status).toBe(404)
  })

  test('share one Twinkey: a secret that one route renews ends on the others', async () => {
    expect(await ask('/tenants/t1/flows', keys.one)).toBe('200 t1')
    const renewed = await fetch(`http://127.0.0.1:${port}/keys`, {
      method: 'POST',
      body: JSON.stringify({ id: keys.id }),
    })
    const { primary } = (await renewed.json()) as { primary: string }
    expect(await ask('/tenants/t1/flows', keys.one)).toBe('401 credential_invalid')
    expect(await ask('/tenants/t1/flows', primary)).toBe('200 t1')
    expect(await ask('/tenants/t1/flows', keys.secondary)).toBe('200 t1')
  })

  test.runIf(command === 'start')(
    'answer every request with 500 when the tables cannot be created',
    async () => {
      const [closed, other] = (await freePorts(2)) as [number, number]
      const unreachable = { ...env, DATABASE_URL: `postgres://postgres@127.0.0.1:${closed}/none` }
      const failing = await project.start(
        'next',
        ['start', '--port', String(other)],
        /Ready in/,
        unreachable,
      )
      for (const path of ['/keys', '/tokens/jwks.json', '/nothing'])
        expect((await fetch(`http://127.0.0.1:${other}${path}`)).status).toBe(500)
      expect(failing.exitCode).toBe(null)
    },
  )

  test.runIf(command === 'dev')('keep the keys when a file changes', async () => {
    const file = 'lib/twinkey.ts'
    const before = readFileSync(join(project.folder, file), 'utf8')
    project.write({ [file]: `${before}\nexport const changed = true\n` })
    const route = 'app/seen/[tenant]/route.ts'
    project.write({
      [route]: (OWN[route] as string).replace('guard: tenant', 'changed: true, guard: tenant'),
    })
    let body = ''
    for (let waited = 0; waited < 100 && !body.includes('changed'); waited++) {
      ;({ body } = await send('/seen/t2', keys.all))
      await new Promise((later) => setTimeout(later, 200))
    }
    expect(JSON.parse(body)).toEqual({ changed: true, guard: 't2', handler: 't2' })
  })
})
