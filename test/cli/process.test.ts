import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { createTwinkey, secretPattern } from 'twinkey'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { cli, project, start, twinkeyIn } from './project.ts'

const MODULE = '{ "type": "module" }'
const SQLITE = `
  import { createClient } from '@libsql/client'
  import { createTwinkey } from 'twinkey'
  import { sqliteStore } from 'twinkey/stores/sqlite'
  const store = sqliteStore(createClient({ url: 'file:keys.db' }))
`
const MEMORY = "import { createTwinkey } from 'twinkey'\n"
const TYPED = `import { createTwinkey, type Twinkey } from 'twinkey'
  export const twinkey: Twinkey = createTwinkey()`

describe('a project with SQLite and tsx', () => {
  const config = `${SQLITE}
    export const twinkey: Twinkey = createTwinkey({ store, prefixes: ['acme'] })`.replace(
    '{ createTwinkey }',
    '{ createTwinkey, type Twinkey }',
  )
  const folder = project({ 'package.json': MODULE, 'twinkey.config.ts': config }, [
    'tsx',
    '@libsql/client',
  ])

  test('goes from an empty database to a rotated key', () => {
    expect(twinkeyIn(folder, 'keys', 'list')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(
        /^Error: The store failed: The tables .* Run `npx twinkey migrate` before the first use/,
      ),
    })
    expect(twinkeyIn(folder, 'migrate')).toMatchObject({
      code: 0,
      out: 'The store has everything that this version of Twinkey needs.\n',
    })
    const argv = [
      'keys',
      'create',
      '--name',
      'Billing',
      '--tenant',
      't1',
      '--workflow',
      'a',
      '--no-secondary',
    ]
    const created = twinkeyIn(folder, ...argv, '--json')
    expect(created).toMatchObject({ code: 0, err: '' })
    const { key } = JSON.parse(created.out)
    const rotated = twinkeyIn(folder, 'keys', 'rotate', key.id, '--grace', '7d')
    expect(rotated.code).toBe(0)
    expect(rotated.out.match(new RegExp(secretPattern('acme'), 'g'))).toHaveLength(1)
    expect(twinkeyIn(folder, 'keys', 'revoke', key.id)).toMatchObject({ code: 2, out: '' })
    expect(twinkeyIn(folder, 'history').out).toMatch(/rotated.*\n.*created/)
  })
})

describe('a project with SQLite and JavaScript', () => {
  const config = `${SQLITE}
    export const twinkey = createTwinkey({ store, prefixes: ['acme'] })`
  const folder = project({ 'twinkey.config.mjs': config }, ['@libsql/client'])
  const CREATE = ['keys', 'create', '--name', 'Billing', '--tenant', 't1', '--workflow', 'a']
  beforeAll(() => {
    expect(twinkeyIn(folder, 'migrate')).toMatchObject({ code: 0 })
    expect(twinkeyIn(folder, ...CREATE)).toMatchObject({ code: 0 })
  })

  test('ends quietly when its reader has gone', async () => {
    const { command, args, options } = start(folder, 'keys', 'list', '--json')
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect({ code, err }).toEqual({ code: 0, err: '' })
  })

  test.each([
    [CREATE, 'both'],
    [
      ['keys', 'create', '--name', 'a', '--tenant', 't', '--workflow', 'a', '--no-secondary'],
      'primary',
    ],
    [['keys', 'create', '--name', 'a', '--tenant', 't', '--workflow', 'a', '--json'], 'both'],
  ])(
    'fails if the reader of a new secret has gone, and says how to get another: %j',
    async (words, slots) => {
      const { command, args, options } = start(folder, ...words)
      const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.destroy()
      const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
      expect(code).toBe(1)
      expect(err).toMatch(
        /Standard output cannot be written \(EPIPE\), so the new secrets are lost/,
      )
      const [, advice = ''] = /`twinkey (keys renew [^`]+)`/.exec(err) ?? []
      expect(advice).toMatch(new RegExp(` --slots ${slots}$`))
      expect(twinkeyIn(folder, ...advice.split(' '), '--yes')).toMatchObject({ code: 0 })
    },
  )

  test('fails if a new secret cannot be written', () => {
    const { command, args, options } = start(folder, ...CREATE)
    const full = openSync('/dev/full', 'w')
    const stdio = ['ignore' as const, full, 'pipe' as const]
    const { status, stderr } = spawnSync(command, args, { ...options, encoding: 'utf8', stdio })
    closeSync(full)
    expect(status).toBe(1)
    expect(stderr).toContain(
      'Standard output cannot be written (ENOSPC), so the new secrets are lost.',
    )
  })

  test('asks on a terminal, with colours', () => {
    const id = JSON.parse(twinkeyIn(folder, 'keys', 'list', '--json').out).keys[0].id
    const line = `'${process.execPath}' '${cli}' keys revoke ${id}`
    const { status, stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
      cwd: folder,
      env: { ...process.env, TERM: 'xterm', NO_COLOR: '' },
      encoding: 'utf8',
      input: 'y\n',
      timeout: 30_000,
    })
    expect(stdout).toContain(`Revoke key "Billing" (${id})? This cannot be undone. [y/N]`)
    expect(stdout).toContain('\u001b[1mBilling')
    expect(status).toBe(0)
  })
})

describe('a project with PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())

  test('ends although the pool of the application stays open', () => {
    const config = `
      import pg from 'pg'
      import { createTwinkey } from 'twinkey'
      import { postgresStore } from 'twinkey/stores/postgres'
      const connectionString = ${JSON.stringify(server.url)}
      const pool = new pg.Pool({ connectionString, idleTimeoutMillis: 0 }).on('error', () => {})
      const listen = () => new pg.Client({ connectionString })
      export default () => createTwinkey({ store: postgresStore(pool, { listen }) })`
    const folder = project({ 'package.json': MODULE, 'twinkey.config.mjs': config }, ['pg'])
    expect(twinkeyIn(folder, 'migrate')).toMatchObject({ code: 0, err: '' })
    expect(twinkeyIn(folder, 'keys', 'list', '--json')).toEqual({
      code: 0,
      out: '{\n  "keys": []\n}\n',
      err: '',
    })
  })
})

describe('the configuration', () => {
  test.each([
    ['twinkey', 'export const twinkey = createTwinkey()'],
    ['a default', 'export default createTwinkey()'],
    ['a promise', 'export default Promise.resolve(createTwinkey())'],
    ['a function', 'export const twinkey = async () => createTwinkey()'],
  ])('can export %s', (_what, text) => {
    const folder = project({ 'package.json': MODULE, 'twinkey.config.js': MEMORY + text })
    expect(twinkeyIn(folder, 'keys', 'list')).toMatchObject({ code: 0 })
  })

  test.each([
    ['exports nothing', 'export const other = 1', 2, /exports no `twinkey`/],
    ['exports something else', 'export const twinkey = {}', 2, /does not come from createTwinkey/],
    [
      'throws',
      "throw new Error('DATABASE_URL is not set.')",
      1,
      /^Error: \/.*\/twinkey\.config\.mjs failed: DATABASE_URL is not set\.\n$/,
    ],
    [
      'reads JSON that is cut off',
      'export default () => JSON.parse("[")',
      1,
      /^Error: \/.*\/twinkey\.config\.mjs failed: Unexpected end of JSON input\n$/,
    ],
    [
      'fails in the background',
      "Promise.reject(Object.assign(new Error('Lost.'), { args: ['hunter2'] }))\nawait new Promise(() => setInterval(() => {}, 1000))",
      1,
      /^Error: Lost\.\n$/,
    ],
    [
      'has a wrong option',
      'export default createTwinkey({ prefix: 1 })',
      1,
      /cannot have "prefix"/,
    ],
  ])('that %s is an error of one sentence', (_what, text, code, message) => {
    const folder = project({ 'twinkey.config.mjs': MEMORY + text })
    const outcome = twinkeyIn(folder, 'keys', 'list')
    expect(outcome).toEqual({ code, out: '', err: expect.stringMatching(message) })
    expect(outcome.err).not.toContain('    at ')
  })

  test('is looked for in the working directory, or named by --config', () => {
    const folder = project({ 'other.mjs': `${MEMORY}export const twinkey = createTwinkey()` })
    expect(twinkeyIn(folder, 'keys', 'list')).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no twinkey.config.ts, .js or .mjs in this folder.'),
    })
    expect(twinkeyIn(folder, '--config', 'other.mjs', 'keys', 'list')).toMatchObject({ code: 0 })
    expect(twinkeyIn(folder, '--config', 'none.mjs', 'keys', 'list')).toMatchObject({ code: 2 })
    expect(twinkeyIn(folder, '--config', 'a.json', 'keys', 'list')).toMatchObject({ code: 2 })
  })

  test('in TypeScript needs no tsx if Node removes types, and otherwise says what to install', () => {
    const folder = project({ 'package.json': MODULE, 'twinkey.config.ts': TYPED })
    const { code, err } = twinkeyIn(folder, 'keys', 'list')
    const removesTypes = Boolean('typescript' in process.features && process.features.typescript)
    expect({ code, says: err.includes('npm install --save-dev tsx') }).toEqual(
      removesTypes ? { code: 0, says: false } : { code: 2, says: true },
    )
  })

  test('in TypeScript can belong to a CommonJS project', () => {
    const folder = project({ 'package.json': '{}', 'twinkey.config.ts': TYPED }, ['tsx'])
    expect(twinkeyIn(folder, 'keys', 'list')).toMatchObject({ code: 0, err: '' })
  })
})

test('commands that make secrets need no configuration', () => {
  const folder = project({})
  // As the guide for tokens writes it into SIGNING_KEYS.
  const signingKeys = JSON.parse(`[${twinkeyIn(folder, 'signing-key').out}]`)
  const tokens = { issuer: 'https://api.example', audience: 'https://api.example', signingKeys }
  expect(createTwinkey({ tokens }).settings().signingKeys).toMatchObject([
    { canSign: true, createdAt: expect.any(Number) },
  ])
  expect(twinkeyIn(folder, 'pepper').code).toBe(0)
  expect(twinkeyIn(folder, '--version').out).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('Ctrl-C ends a command that waits, with code 130', async () => {
  const config = `
    import { createTwinkey, memoryStore } from 'twinkey'
    const list = () => new Promise(() => console.error('waiting'))
    export const twinkey = createTwinkey({ store: { ...memoryStore(), list }, deadlineSeconds: 60 })`
  const { command, args, options } = start(
    project({ 'twinkey.config.mjs': config }),
    'keys',
    'list',
  )
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let err = ''
  child.stderr.on('data', (chunk) => {
    err += chunk
    if (`${chunk}`.includes('waiting')) child.kill('SIGINT')
  })
  const [code] = await once(child, 'close')
  expect({ code, err }).toEqual({ code: 130, err: 'waiting\nStopped.\n' })
})
