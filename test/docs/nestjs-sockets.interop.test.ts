import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { blockWith } from '../support/guide.ts'
import { createProject, type Project } from '../support/project.ts'

// Each program says when it listens.
const programWith = (text: string) =>
  blockWith('nestjs-sockets', text).replace(
    /^ *await app\.listen.*$/m,
    "$&\n  console.log('started')",
  )
const PROGRAMS = {
  graphql: programWith('ApolloDriver,'),
  ws: programWith('new WsAdapter(app)'),
  io: programWith('class Customers {\n  @SubscribeMessage'),
}

// Keys for the programs, and routes by which the test changes them.
const TWINKEY = `
import { createServer } from 'node:http'
import { writeFileSync } from 'node:fs'
import { createTwinkey, memoryStore } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'

export const twinkey = createTwinkey({
  store: memoryStore(),
  environments: ['production'],
  limiter: memoryLimiter(),
})
const workflows = ['customers.read', 'customers.watch']
const create = (input: object) =>
  twinkey.keys.create({ name: 'k', scope: { tenants: ['t1'], workflows }, ...input })
const good = await create({})
const all = await create({ scope: { tenants: ['t1'], workflows: '*' }, limits: [{ requests: 50, perSeconds: 3600 }] })
const few = await create({ scope: { tenants: ['t1'], workflows: [...workflows, 'reports.read'] }, limits: [{ requests: 2, perSeconds: 3600 }] })
const doomed = await create({ secondary: true })
const changes = createServer(async (request, response) => {
  if (request.url === '/rotate') await twinkey.keys.renew(doomed.key.id, { slots: 'primary' })
  if (request.url === '/revoke') await twinkey.keys.revoke(good.key.id)
  if (request.url === '/left') {
    const decision = await twinkey.authenticate(
      new Request('http://localhost/', { headers: { authorization: 'Bearer ' + all.primary } }),
      { anyTarget: true, cost: 0 },
    )
    response.end(String('limits' in decision && decision.limits?.[0]?.remaining))
  } else response.end()
})
changes.unref()
await new Promise<void>((done) => changes.listen(0, '127.0.0.1', done))
const { port } = changes.address() as { port: number }
writeFileSync(
  process.env['SECRETS'] ?? '',
  JSON.stringify({ good: good.primary, all: all.primary, few: few.primary, doomed: doomed.primary, port }),
)
`

interface Shared {
  readonly good: string
  readonly all: string
  readonly few: string
  readonly doomed: string
  readonly port: number
}

let project: Project
beforeAll(() => {
  project = createProject('nestjs-sockets', [
    '@apollo/server',
    '@as-integrations/express5',
    '@nestjs/apollo',
    '@nestjs/common',
    '@nestjs/core',
    '@nestjs/graphql',
    '@nestjs/platform-express',
    '@nestjs/platform-socket.io',
    '@nestjs/platform-ws',
    '@nestjs/websockets',
    '@types/node',
    '@types/ws',
    'graphql@16',
    'reflect-metadata',
    'rxjs',
    'socket.io-client',
    'tsx',
    'typescript',
    'ws',
  ])
  project.write({
    'twinkey.ts': TWINKEY,
    ...Object.fromEntries(
      Object.entries(PROGRAMS).map(([name, program]) => [`${name}.ts`, program]),
    ),
    // As the guide says: without the enhancers, and with a gateway that keeps no handshake.
    'unguarded.ts': PROGRAMS.graphql.replace("fieldResolverEnhancers: ['guards'],", ''),
    'forgetful.ts': PROGRAMS.ws.replace(/keepHandshake\(client, request\)/, ''),
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        strict: true,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
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

async function run(
  name: string,
): Promise<{ url: string; shared: Shared; change(path: string): Promise<string> }> {
  const port = await freePort()
  const file = join(project.folder, `${name}.json`)
  await project.start('tsx', [`${name}.ts`], /^started/m, { PORT: String(port), SECRETS: file })
  const shared = JSON.parse(readFileSync(file, 'utf8')) as Shared
  const change = async (path: string) =>
    await (await fetch(`http://127.0.0.1:${shared.port}${path}`)).text()
  return { url: `127.0.0.1:${port}`, shared, change }
}

test('the programs of the guide compile', () => {
  expect(project.run('tsc', [])).toBe('')
})

describe('GraphQL', () => {
  let program: Awaited<ReturnType<typeof run>>
  beforeAll(async () => {
    program = await run('graphql')
  })
  interface Answer {
    readonly data: Record<string, unknown> | null
    readonly errors?: {
      message: string
      path: string[]
      extensions: { code: string; status?: number; originalError?: object }
    }[]
  }
  async function ask(
    query: string,
    secret?: string,
    { url } = program,
  ): Promise<Answer & { status: number }> {
    const answer = await fetch(`http://${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
      },
      body: JSON.stringify({ query }),
    })
    return { status: answer.status, ...((await answer.json()) as Answer) }
  }
  const codes = ({ errors = [] }: Answer) =>
    errors.map(({ path, extensions }) => [
      path.join('.'),
      extensions.code,
      (extensions.originalError as { code?: string })?.code,
    ])

  test('the class guards a field, its method decides otherwise, and a public one needs no key', async () => {
    const { good } = program.shared
    const answer = await ask('{ customers { name } report version }', good)
    expect(answer.data).toEqual({ customers: [{ name: 'Ada of t1' }], report: null, version: '1' })
    expect(codes(answer)).toEqual([['report', 'FORBIDDEN', 'workflow_denied']])
    expect(answer.status).toBe(200)
    expect((await ask('{ version }')).data).toEqual({ version: '1' })
  })

  test('a refusal has the code of Apollo, and the body of Twinkey', async () => {
    expect(codes(await ask('{ report }'))).toEqual([
      ['report', 'UNAUTHENTICATED', 'credential_missing'],
    ])
    expect(codes(await ask('{ report }', 'a b'))).toEqual([
      ['report', 'BAD_REQUEST', 'credential_malformed'],
    ])
    const { data, errors } = await ask('{ customers { name } }', 'acme_wrong')
    expect([data, errors?.[0]?.extensions.code]).toEqual([null, 'UNAUTHENTICATED'])
    expect(errors?.[0]?.message).toBe('The credential is not valid.')
    expect(JSON.stringify(errors)).not.toContain('acme_wrong')
  })

  test('aliases are guarded, and each guarded field counts for the limits', async () => {
    const { all, few } = program.shared
    const before = Number(await program.change('/left'))
    const { data } = await ask('{ a: report b: report customers { name balance } version }', all)
    expect(data).toEqual({
      a: 'The report of t1',
      b: 'The report of t1',
      customers: [{ name: 'Ada of t1', balance: 5 }],
      version: '1',
    })
    expect(before - Number(await program.change('/left'))).toBe(4)
    const { errors: over = [] } = await ask('{ a: report b: report c: report }', few)
    expect(over.map(({ extensions }) => extensions)).toMatchObject([
      { code: 'INTERNAL_SERVER_ERROR', status: 429, originalError: { code: 'quota_exceeded' } },
    ])
  })

  test('field resolvers are guarded with fieldResolverEnhancers, and not without', async () => {
    const answer = await ask('{ customers { name balance } }', program.shared.good)
    expect(answer.data).toEqual({ customers: [{ name: 'Ada of t1', balance: null }] })
    expect(codes(answer)).toEqual([['customers.0.balance', 'FORBIDDEN', 'workflow_denied']])
    const unguarded = await run('unguarded')
    const { data } = await ask('{ customers { balance } }', unguarded.shared.good, unguarded)
    expect(data).toEqual({ customers: [{ balance: 5 }] })
  })
})

interface Client {
  /** Sends an event, and returns the next one that arrives. */
  ask(event: string): Promise<unknown>
  close(): void
}

// Each opens a socket with the header, and resolves to the client, or to the code of its closing.
const CLIENTS = {
  async ws(
    url: string,
    secret: string | undefined,
  ): Promise<Client & { readonly closed: Promise<number> }> {
    const { WebSocket } = requireIn()('ws')
    const socket = new WebSocket(`ws://${url}`, { headers: headersOf(secret) })
    const closed = new Promise<number>((done) => socket.once('close', done))
    await new Promise((opened, failed) => {
      socket.once('open', opened)
      socket.once('error', failed)
    })
    return {
      closed,
      ask: (event) =>
        new Promise((done) => {
          socket.once('message', (data: Buffer) => done(JSON.parse(String(data))))
          socket.send(JSON.stringify({ event, data: {} }))
        }),
      close: () => socket.close(),
    }
  },
  async io(url: string, secret: string | undefined): Promise<Client> {
    const { io } = requireIn()('socket.io-client')
    const socket = io(`http://${url}`, { extraHeaders: headersOf(secret), forceNew: true })
    await new Promise((opened, failed) => {
      socket.once('connect', opened)
      socket.once('connect_error', failed)
    })
    return {
      ask: (event) =>
        new Promise((done) => {
          socket.onAny((name: string, data: unknown) => {
            socket.offAny()
            done({ event: name, data })
          })
          socket.emit(event, {})
        }),
      close: () => socket.close(),
    }
  },
}
const refused = (code: string) => ({ event: 'exception', data: { status: 'error', code } })
const watching = { event: 'watching', data: 't1' }

describe.each(['ws', 'io'] as const)('a gateway on %s', (kind) => {
  let program: Awaited<ReturnType<typeof run>>
  const opened: Client[] = []
  beforeAll(async () => {
    program = await run(kind)
  })
  afterAll(() => {
    for (const client of opened) client.close()
  })
  const open = async (secret: string | undefined) => {
    const client = await CLIENTS[kind](program.url, secret)
    opened.push(client)
    return client
  }

  test('lets in what the key reaches, and refuses the rest with a code and no more', async () => {
    const client = await open(program.shared.good)
    expect(await client.ask('watch')).toEqual(watching)
    expect(await client.ask('rename')).toEqual(refused('workflow_denied'))
    expect(await client.ask('version')).toEqual({ event: 'version', data: '1' })
  })

  test('a socket without a valid key gets nothing', async () => {
    if (kind === 'ws') {
      for (const secret of [undefined, 'acme_wrong']) {
        const { closed } = await CLIENTS.ws(program.url, secret)
        expect(await closed).toBe(1008)
      }
      return
    }
    expect(await (await open(undefined)).ask('watch')).toEqual(refused('credential_missing'))
    const wrong = await open('acme_wrong')
    expect(await wrong.ask('watch')).toEqual(refused('credential_invalid'))
    expect(await wrong.ask('rename')).toEqual(refused('credential_invalid'))
    expect(await wrong.ask('version')).toEqual({ event: 'version', data: '1' })
  })

  test('each message counts for the limits of the key', async () => {
    const client = await open(program.shared.few)
    // The program for ws counts the connection too.
    if (kind === 'io') expect(await client.ask('watch')).toEqual(watching)
    expect(await client.ask('watch')).toEqual(watching)
    expect(await client.ask('watch')).toEqual(refused('quota_exceeded'))
  })

  test('an open socket loses its rights when its secret is renewed or its key revoked', async () => {
    const { shared, change } = program
    const [doomed, good] = [await open(shared.doomed), await open(shared.good)]
    expect([await doomed.ask('watch'), await good.ask('watch')]).toEqual([watching, watching])
    await change('/rotate')
    expect([await doomed.ask('watch'), await good.ask('watch')]).toEqual([
      refused('credential_invalid'),
      watching,
    ])
    await change('/revoke')
    expect(await good.ask('watch')).toEqual(refused('credential_invalid'))
  })
})

test('a gateway on ws that keeps no handshake lets no message in', async () => {
  const { url, shared } = await run('forgetful')
  const client = await CLIENTS.ws(url, shared.good)
  expect(await client.ask('watch')).toMatchObject({
    event: 'exception',
    data: { status: 'error', message: 'Internal server error' },
  })
  client.close()
})

function headersOf(secret: string | undefined): Record<string, string> {
  return secret === undefined ? {} : { authorization: `Bearer ${secret}` }
}

function requireIn() {
  return createRequire(join(project.folder, 'package.json'))
}
