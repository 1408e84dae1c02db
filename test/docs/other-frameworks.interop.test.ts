import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesOf, freePorts, untilAnswering } from '../support/guide-project.ts'
import { createProject, type Project } from '../support/project.ts'
import { type RawRequest, sendRaw } from '../support/raw-http.ts'

// The same Twinkey as on the page, with keys for the test.
const TWINKEY = `import { writeFileSync } from 'node:fs'
import { createTwinkey } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'

export const twinkey = createTwinkey({ environments: ['production'], limiter: memoryLimiter() })
const make = async (tenants: string[] | '*', workflows: string[], requests = 1000) =>
  (await twinkey.keys.create({ name: 'Caller', scope: { tenants, workflows }, limits: [{ requests, per: 'day' }], tokens: true })).primary
writeFileSync(
  process.env['SECRETS'] as string,
  JSON.stringify({
    t1: await make(['t1'], ['flows.read', 'flows.write']),
    reader: await make('*', ['flows.read']),
    few: await make(['t1'], ['flows.read'], 3),
  }),
)
console.log('The keys are made')
`
const TSCONFIG = JSON.stringify({
  compilerOptions: {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
  },
})
const NAMES = ['koa', 'h3', 'trpc', 'yoga'] as const
type Name = (typeof NAMES)[number]

let project: Project
const ports = new Map<Name, number>()
const secrets = new Map<Name, { t1: string; reader: string; few: string }>()

beforeAll(async () => {
  project = createProject('other-frameworks', [
    '@koa/router',
    '@trpc/server',
    '@types/koa',
    '@types/node',
    'graphql',
    'graphql-yoga',
    'h3',
    'koa',
    'tsx',
    'typescript',
    'zod',
  ])
  const files = filesOf('other-frameworks')
  project.write({ ...files, 'tsconfig.json': TSCONFIG })
  project.run('tsc', ['--project', '.'])
  const free = await freePorts(NAMES.length)
  project.write({ 'twinkey.ts': TWINKEY })
  for (const [index, name] of NAMES.entries()) {
    const port = free[index] as number
    const [program, made] = [`run-${name}.ts`, join(project.folder, `${name}.json`)]
    project.write({ [program]: (files[`${name}.ts`] as string).replace('3000', String(port)) })
    await project.start('tsx', [program], /The keys are made/, { SECRETS: made })
    await untilAnswering(`http://127.0.0.1:${port}/`)
    ports.set(name, port)
    secrets.set(name, JSON.parse(readFileSync(made, 'utf8')))
  }
}, 300_000)
afterAll(() => project?.remove())

const bearer = (secret: string) => ['Authorization', `Bearer ${secret}`] as const
const send = (name: Name, { headers = [], body, ...request }: RawRequest) => {
  const length = [['Content-Length', String(body?.length ?? 0)]] as const
  return sendRaw(ports.get(name) as number, {
    ...request,
    headers: body === undefined ? headers : [...headers, ...length],
    body,
  })
}
const secretsOf = (name: Name) => secrets.get(name) as { t1: string; reader: string; few: string }

describe.each(['koa', 'h3'] as const)('the program for %s', (name) => {
  const ask = async (path: string, ...headers: (readonly [string, string])[]) => {
    const { status, body } = await send(name, { target: path, headers })
    const read = (body.startsWith('{') ? JSON.parse(body) : {}) as {
      code?: string
      tenant?: string
    }
    return `${status} ${read.code ?? read.tenant}`
  }

  test('lets a key reach its tenants only', async () => {
    const { t1, reader } = secretsOf(name)
    expect(await ask('/tenants/t1/flows', bearer(t1))).toBe('200 t1')
    expect(await ask('/tenants/t2/flows', bearer(t1))).toBe('403 tenant_denied')
    expect(await ask('/tenants/t2/flows', bearer(reader))).toBe('200 t2')
  })

  test('decides by the decoded parameter, and lets no other spelling in', async () => {
    const { t1 } = secretsOf(name)
    expect(await ask('/tenants/t%31/flows', bearer(t1))).toBe('200 t1')
    expect(await ask('/tenants/t1%2F/flows', bearer(t1))).toBe('403 tenant_denied')
    expect(await ask('/tenants/t1%00/flows', bearer(t1))).toBe('400 request_malformed')
    expect(await ask('/tenants/t%zz/flows', bearer(t1))).toMatch(/^40[03] /)
    expect(await ask('/tenants//flows', bearer(t1))).toMatch(/^404 /)
  })

  test('refuses two credentials', async () => {
    const { t1 } = secretsOf(name)
    expect(await ask('/tenants/t1/flows', bearer(t1), bearer(t1))).toBe('400 credential_ambiguous')
  })

  test('answers a refusal as the profile does', async () => {
    const { status, headers, body } = await send(name, { target: '/tenants/t1/flows' })
    expect([status, JSON.parse(body).code]).toEqual([401, 'credential_missing'])
    expect(headers).toMatchObject({
      'content-type': 'application/problem+json',
      'www-authenticate': 'Bearer realm="api"',
      'cache-control': 'no-store',
    })
  })

  test('counts requests, and shows what is left of the limits', async () => {
    const { few } = secretsOf(name)
    const asked = []
    for (let count = 0; count < 4; count++)
      asked.push(await send(name, { target: '/tenants/t1/flows', headers: [bearer(few)] }))
    expect(asked.map(({ status }) => status)).toEqual([200, 200, 200, 429])
    for (const { headers } of asked) expect(headers).toHaveProperty('ratelimit')
  })
})

test('the program for h3 exchanges a key for a token', async () => {
  const { t1 } = secretsOf('h3')
  const issued = await send('h3', { method: 'POST', target: '/tokens', headers: [bearer(t1)] })
  expect(issued.status).toBe(200)
  const { access_token } = JSON.parse(issued.body) as { access_token: string }
  const { status } = await send('h3', {
    target: '/tenants/t1/flows',
    headers: [bearer(access_token)],
  })
  expect(status).toBe(200)
})

describe('the program for tRPC', () => {
  const input = (value: unknown) => encodeURIComponent(JSON.stringify(value))
  const call = async (target: string, headers: RawRequest['headers'], more: object = {}) => {
    const response = await send('trpc', { target, headers: headers ?? [], ...more })
    return { ...response, read: JSON.parse(response.body) }
  }
  const rename = (secret: string) =>
    call('/rename', [bearer(secret), ['Content-Type', 'application/json']], {
      method: 'POST',
      body: JSON.stringify({ tenant: 't1', name: 'New' }),
    })

  test('lets a key call its procedures for its tenants', async () => {
    const { t1, reader } = secretsOf('trpc')
    const { read } = await call(`/flows?input=${input({ tenant: 't1' })}`, [bearer(t1)])
    expect(read.result.data).toEqual({ name: 'Caller', tenant: 't1' })
    expect((await rename(t1)).status).toBe(200)
    const refused = await rename(reader)
    expect([refused.status, refused.read.error.data.problem.code]).toEqual([403, 'workflow_denied'])
  })

  test('answers a refusal with its status, its headers and its code', async () => {
    const { status, headers, read } = await call(`/flows?input=${input({ tenant: 't1' })}`, [])
    expect([status, read.error.data.code, read.error.data.problem.code]).toEqual([
      401,
      'UNAUTHORIZED',
      'credential_missing',
    ])
    expect(headers['www-authenticate']).toBe('Bearer realm="api"')
    expect(headers['content-type']).toMatch(/^application\/json/)
  })

  test('refuses two credentials', async () => {
    const { t1 } = secretsOf('trpc')
    const target = `/flows?input=${input({ tenant: 't1' })}`
    const { read } = await call(target, [bearer(t1), bearer(t1)])
    expect(read.error.data.problem.code).toBe('credential_ambiguous')
  })

  test('decides about each procedure of a batch, and counts each', async () => {
    const { t1, few } = secretsOf('trpc')
    const batch = (...tenants: string[]) =>
      `/${tenants.map(() => 'flows')}?batch=1&input=${input({ ...tenants.map((tenant) => ({ tenant })) })}`
    const mixed = await call(batch('t1', 't2'), [bearer(t1)])
    expect(mixed.status).toBe(207)
    expect(mixed.read[0].result.data.tenant).toBe('t1')
    expect(mixed.read[1].error.data.problem.code).toBe('tenant_denied')
    const { read } = await call(batch('t1', 't1', 't1', 't1', 't1'), [bearer(few)])
    const passed = read.filter((each: { result?: unknown }) => each.result !== undefined)
    expect(passed.length).toBe(3)
  })
})

describe('the program for GraphQL Yoga', () => {
  const query = async (text: string, headers: RawRequest['headers'] = []) => {
    const response = await send('yoga', {
      method: 'POST',
      target: '/graphql',
      headers: [...headers, ['Content-Type', 'application/json']],
      body: JSON.stringify({ query: text }),
    })
    return { ...response, read: JSON.parse(response.body) }
  }

  test('refuses a request without a key before it parses the query', async () => {
    const { status, read } = await query('{ broken')
    expect([status, read.code]).toEqual([401, 'credential_missing'])
  })

  test('serves no page without a key', async () => {
    for (const target of ['/', '/graphql']) {
      const { status } = await send('yoga', { target, headers: [['Accept', 'text/html']] })
      expect(status).toBe(401)
    }
  })

  test('refuses two credentials', async () => {
    const { t1 } = secretsOf('yoga')
    const { read } = await query('{ flows(tenant: "t1") }', [bearer(t1), bearer(t1)])
    expect(read.code).toBe('credential_ambiguous')
  })

  test('decides about each field by its arguments', async () => {
    const { t1, reader } = secretsOf('yoga')
    const { read } = await query('{ a: flows(tenant: "t1") b: flows(tenant: "t2") }', [bearer(t1)])
    expect(read.data).toEqual({ a: ['A flow of t1'], b: null })
    expect(read.errors[0].extensions.problem.code).toBe('tenant_denied')
    const rename = 'mutation { rename(tenant: "t1", name: "New") }'
    expect((await query(rename, [bearer(t1)])).read.data).toEqual({ rename: 'New' })
    const refused = await query(rename, [bearer(reader)])
    expect(refused.status).toBe(403)
    expect(refused.read.errors[0].extensions.problem.code).toBe('workflow_denied')
    expect(refused.headers).toHaveProperty('www-authenticate')
    expect(refused.headers['content-type']).toBe('application/json; charset=utf-8')
  })

  test('counts each alias', async () => {
    const { few } = secretsOf('yoga')
    const aliases = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}: flows(tenant: "t1")`)
    const { read } = await query(`{ ${aliases.join(' ')} }`, [bearer(few)])
    expect(Object.values(read.data).filter((each) => each !== null).length).toBe(3)
  })
})
