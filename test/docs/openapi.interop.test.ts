import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { blockWith } from '../support/guide.ts'
import { createProject, type Project } from '../support/project.ts'

const PROGRAMS = {
  fastify: blockWith('openapi', "from '@fastify/swagger'"),
  hono: blockWith('openapi', "from '@hono/zod-openapi'"),
  express: blockWith('openapi', "from 'openapi-types'"),
  nest: blockWith('openapi', "from '@nestjs/swagger'"),
}

// Keys for every status. The owner `down` stands for one that cannot be looked up.
const TWINKEY = `
import { writeFileSync } from 'node:fs'
import { createTwinkey, memoryStore } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'

export const twinkey = createTwinkey({
  store: memoryStore(),
  environments: ['production'],
  limiter: memoryLimiter(),
  ownerScope: (owner) => {
    if (owner === 'down') throw new Error('down')
    return { tenants: '*', environments: '*', workflows: '*' }
  },
})
const scope = { tenants: ['t1'], workflows: ['customers.read'] }
const create = async (input: object) => (await twinkey.keys.create({ name: 'k', scope, ...input })).primary
writeFileSync(
  process.env['SECRETS'] ?? '',
  JSON.stringify({
    good: await create({}),
    other: await create({ scope: { tenants: ['t1'], workflows: ['other'] } }),
    limited: await create({ limits: [{ requests: 1, perSeconds: 3600 }] }),
    down: await create({ owner: 'down' }),
  }),
)
`

// What the guide says of other routes, in each of the three ways to paste it.
const PASTED = `
import { createRoute, z } from '@hono/zod-openapi'
import type { OpenAPIV3, OpenAPIV3_1 } from 'openapi-types'
import { responses, refusalSchema, fastifyResponses, security } from 'twinkey/openapi'
import { boomiFlow, flowgear } from 'twinkey/profiles'

const { securitySchemes, security: anyOf, exchangeSecurity } = security(boomiFlow(), { optional: true })
export const newer: OpenAPIV3_1.OperationObject = {
  security: exchangeSecurity,
  responses: { 200: { description: 'ok' }, ...responses({ profile: flowgear() }), 401: { $ref: '#/components/responses/401' } },
}
export const older: OpenAPIV3.ComponentsObject = {
  securitySchemes,
  responses: responses({ workflow: 'w', optional: true }),
  schemas: { Problem: refusalSchema({ profile: boomiFlow() }) },
}
export const route = createRoute({
  method: 'get',
  path: '/',
  security: anyOf,
  responses: { 200: { description: 'ok', content: { 'text/plain': { schema: z.string() } } }, ...responses({ profile: flowgear() }) },
})
export const response: Record<number, unknown> = fastifyResponses({ profile: flowgear() })
// A wrong body of the handler is still an error behind the responses of the standard profile.
import { OpenAPIHono } from '@hono/zod-openapi'
const strict = createRoute({
  method: 'get',
  path: '/',
  responses: { 200: { description: 'ok', content: { 'application/json': { schema: z.array(z.string()) } } }, ...responses() },
})
// @ts-expect-error: a number is not a string.
new OpenAPIHono().openapi(strict, (c) => c.json([1], 200))
`

interface Response {
  readonly description: string
  readonly headers: Record<string, { required?: boolean; schema: { type: string } }>
  readonly content: Record<string, { schema: object }>
}
interface Document {
  readonly openapi: string
  readonly security?: Record<string, string[]>[]
  readonly components: { securitySchemes: Record<string, { type: string; name?: string }> }
  readonly paths: Record<
    string,
    { get: { security?: Record<string, string[]>[]; responses: Record<string, Response> } }
  >
}

let project: Project
beforeAll(() => {
  project = createProject('openapi', [
    '@fastify/swagger',
    '@hono/node-server',
    '@hono/zod-openapi',
    '@nestjs/common',
    '@nestjs/core',
    '@nestjs/platform-express',
    '@nestjs/swagger',
    '@seriousme/openapi-schema-validator',
    '@types/express',
    '@types/node',
    'ajv',
    'ajv-formats',
    'express',
    'fastify',
    'hono',
    'openapi-types',
    'reflect-metadata',
    'rxjs',
    'tsx',
    'typescript',
    'zod',
  ])
  project.write({
    'twinkey.ts': TWINKEY,
    'pasted.ts': PASTED,
    ...Object.fromEntries(
      Object.entries(PROGRAMS).map(([name, program]) => [
        `${name}.ts`,
        `${program}\nconsole.log('started')\n`,
      ]),
    ),
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
        noUncheckedIndexedAccess: true,
        noPropertyAccessFromIndexSignature: true,
        noEmit: true,
        skipLibCheck: true,
        target: 'es2022',
        module: 'nodenext',
        types: ['node'],
      },
    }),
  })
})
afterAll(() => project?.remove())

test('the programs of the guide compile, and what it says of other routes', () => {
  expect(project.run('tsc', [])).toBe('')
})

test('on nest, a public method needs no credential, and the document is not guarded', async () => {
  const port = await freePort()
  const method =
    "@Get('health')\n  @Public()\n  @ApiSecurity({})\n  health() {\n    return 'ok'\n  }\n\n  "
  const program = PROGRAMS.nest
    .replace("@Get('customers')", `${method}@Get('customers')`)
    .replace('{ RequireKey,', '{ Public, RequireKey,')
    .replace('{ ApiOkResponse,', '{ ApiOkResponse, ApiSecurity,')
    .replace('{ twinkey }', '{ twinkey, global: true }')
    .replace('import { twinkey, global: true }', 'import { twinkey }')
  project.write({ 'nest-public.ts': `${program}\nconsole.log('started')\n` })
  await project.start('tsx', ['nest-public.ts'], /started/, {
    PORT: String(port),
    SECRETS: join(project.folder, 'nest-public.json'),
  })
  const document = await untilServed(`http://127.0.0.1:${port}/openapi.json`)
  expect(document.paths['/health']?.get.security).toEqual([{}])
  expect((await fetch(`http://127.0.0.1:${port}/docs`)).status).toBe(200)
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
  expect((await fetch(`http://127.0.0.1:${port}/customers`)).status).toBe(401)
})

describe.each(Object.keys(PROGRAMS))('on %s', (name) => {
  let base: string
  let secrets: Record<'good' | 'other' | 'limited' | 'down', string>
  let document: Document
  beforeAll(async () => {
    const port = await freePort()
    base = `http://127.0.0.1:${port}`
    const file = join(project.folder, `${name}.json`)
    await project.start('tsx', [`${name}.ts`], /started/, { PORT: String(port), SECRETS: file })
    secrets = JSON.parse(readFileSync(file, 'utf8'))
    document = await untilServed(`${base}/openapi.json`)
  })

  test('the document is valid', async () => {
    const { Validator } = await import(
      requireIn(project).resolve('@seriousme/openapi-schema-validator')
    )
    const validator = new Validator()
    const result = await validator.validate(structuredClone(document))
    expect(result.errors ?? []).toEqual([])
    expect(result.valid).toBe(true)
    expect(validator.version).toBe(['fastify', 'nest'].includes(name) ? '3.0' : '3.1')
    const broken = structuredClone(document) as { paths: Record<string, object> }
    broken.paths['/customers'] = { get: { responses: { 401: { headers: { x: 1 } } } } }
    expect((await validator.validate(broken)).valid).toBe(false)
  })

  test('a caller gets in by each of its alternatives', async () => {
    const operation = document.paths['/customers']?.get
    const alternatives = operation?.security ?? document.security ?? []
    expect(alternatives).toEqual([{ bearer: [] }, { apiKey: [] }])
    for (const alternative of alternatives) {
      const headers = Object.fromEntries(
        Object.keys(alternative).map((scheme) => {
          const { type, name: header = '' } = document.components.securitySchemes[scheme] ?? {}
          return type === 'http'
            ? ['authorization', `Bearer ${secrets.good}`]
            : [header, secrets.good]
        }),
      )
      expect((await fetch(`${base}/customers`, { headers })).status).toBe(200)
    }
  })

  test('every refusal has the status, headers and body of the document', async () => {
    const documented = document.paths['/customers']?.get.responses ?? {}
    const call = (headers: Record<string, string>) => fetch(`${base}/customers`, { headers })
    const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
    await call(bearer(secrets.limited))
    const refused: [number, Record<string, string>][] = [
      [400, { ...bearer(secrets.good), 'x-api-key': secrets.good }],
      [400, { 'x-api-key': 'a b' }],
      [401, {}],
      [401, bearer('acme_wrong')],
      [403, bearer(secrets.other)],
      [429, bearer(secrets.limited)],
      [503, bearer(secrets.down)],
    ]
    for (const [status, headers] of refused) {
      const answer = await call(headers)
      expect(answer.status).toBe(status)
      const response = documented[status]
      const media = answer.headers.get('content-type') ?? ''
      const schema = response?.content[media]?.schema
      expect(schema, `${status} ${media}`).toBeDefined()
      const body = (await answer.json()) as Record<string, unknown>
      const validate = compile(project, schema as object)
      expect(validate(body), JSON.stringify([body, validate.errors])).toBe(true)
      // It would notice another body.
      expect(validate({ ...body, code: 'unknown' })).toBe(false)
      expect(validate({ ...body, detail: undefined })).toBe(false)
      expectHeaders(answer.headers, response?.headers ?? {})
    }
    const known = [...new Set(refused.map(([status]) => status)), 200].map(String)
    expect(Object.keys(documented).sort()).toEqual(known.sort())
  })
})

const SHOWN = ['www-authenticate', 'retry-after', 'ratelimit', 'ratelimit-policy']

function expectHeaders(headers: Headers, documented: Response['headers']) {
  const names = Object.keys(documented).map((each) => each.toLowerCase())
  const sent = SHOWN.filter((each) => headers.has(each))
  expect(names).toEqual(expect.arrayContaining(sent))
  for (const [name, { required = false, schema }] of Object.entries(documented)) {
    const value = headers.get(name)
    if (required) expect(value, name).not.toBe(null)
    if (value !== null && schema.type === 'integer') expect(value).toMatch(/^\d+$/)
  }
}

interface Validate {
  (body: unknown): boolean
  readonly errors?: unknown
}

function compile(from: Project, schema: object): Validate {
  const { default: Ajv2020 } = requireIn(from)('ajv/dist/2020')
  return new Ajv2020({ strict: true }).compile(schema)
}

function requireIn({ folder }: Project) {
  return createRequire(join(folder, 'package.json'))
}

async function untilServed(url: string): Promise<Document> {
  for (let left = 50; ; left--) {
    try {
      return (await (await fetch(url)).json()) as Document
    } catch (error) {
      if (left === 0) throw error
      await new Promise((later) => setTimeout(later, 100))
    }
  }
}
