import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { secretPattern } from 'twinkey'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { wireFacts } from './http/wire-rows.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
// Inside the project, so that the programs find what it has installed, and far from its tsconfig, so that they run the package and not src.
const scratch = mkdtempSync(join(cache, 'twinkey-guides-'))
writeFileSync(join(scratch, 'tsconfig.json'), '{}')
writeFileSync(join(scratch, 'package.json'), '{"type":"module"}')
mkdirSync(join(scratch, 'node_modules'))
symlinkSync(root, join(scratch, 'node_modules/twinkey'), 'dir')
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const GUIDES = ['boomi-flow', 'flare', 'flowgear'] as const
const read = (guide: string) => readFileSync(join(root, `docs/${guide}.md`), 'utf8')
const blocksOf = (guide: string, language: string) =>
  [...read(guide).matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text]) => text ?? '')

interface Program {
  readonly url: string
  printed(): string
}

let running: ChildProcess[] = []
afterEach(() => {
  for (const program of running) program.kill()
  running = []
})

describe.each(GUIDES)('the server of the guide docs/%s.md', (guide) => {
  test('answers each curl line as the guide says', async () => {
    const [server = ''] = blocksOf(guide, 'ts')
    const { url, printed } = await run(server)
    const secrets = [...printed().matchAll(new RegExp(secretPattern('acme'), 'g'))].map(([secret]) => secret)
    const variables: Record<string, string> = { KEY: secrets[0] ?? '', TEST: secrets[2] ?? '' }
    const lines = blocksOf(guide, 'sh').flatMap((text) => text.split('\n').filter((line) => line.startsWith('curl ')))
    expect(lines).toHaveLength(5)
    for (const line of lines) {
      const expected = /# (\d{3})\b/.exec(line)?.[1]
      const command = line.replace('http://localhost:3000', url).replace('curl -i', "curl -s -w '\\n%{http_code}'")
      const env = { ...variables, PATH: process.env['PATH'], NO_PROXY: '*' }
      const [status, ...body] = execFileSync('sh', ['-c', command], { env, encoding: 'utf8' }).split('\n').reverse()
      expect(`${line} ${status}`).toBe(`${line} ${expected}`)
      const { token } = JSON.parse(body.join('')) as { token?: string }
      if (token !== undefined) variables['TOKEN'] = token
    }
  })
})

test('the server of docs/boomi-flow.md shows a key when it is made, and never again', async () => {
  const { url, printed } = await run(blocksOf('boomi-flow', 'ts')[0] ?? '')
  const keys = `${url}/api/admin/1/users/me/keys`
  const withKey = (secret: string) => ({ 'x-boomi-flow-api-key': secret, 'content-type': 'application/json' })
  const headers = withKey(secretPattern('acme').exec(printed())?.[0] ?? '')
  const made = await fetch(keys, { method: 'POST', headers, body: '{"name":"another"}' })
  const { apiKey } = (await made.json()) as { apiKey: string }
  const list = (await (await fetch(keys, { headers: withKey(apiKey) })).json()) as { name: string; apiKey: null }[]
  expect(list.map(({ name, apiKey }) => [name, apiKey]).sort()).toEqual([
    ['API Key', null],
    ['another', null],
  ])
})

describe('a logger that is set up as docs/flowgear.md says', () => {
  const servers = blocksOf('flowgear', 'ts').filter((text) => text.includes('redactUrl'))
  const cases = ['express', 'fastify', 'hono'].map((framework) => [
    framework,
    servers.find((text) => text.includes(`twinkey/${framework}`)),
  ])

  test.each(cases)('never writes a key down on %s', async (_framework, server) => {
    const { url, printed } = await run(server ?? '')
    const secret = secretPattern('acme').exec(printed())?.[0] ?? ''
    const told = printed().length
    const wrong = createHash('sha256').update(secret).digest('base64url')
    const paths = [
      `/customers/123/?auth-key=${secret}`,
      `/customers/123/?x=1&auth%2Dkey=${secret}&_profile=Production`,
      `/customers/123/?auth-key=${wrong}`,
      `/customers/123/?auth-key=${secret}&auth-key=${wrong}`,
      `/customers/123?auth-key=${secret}`,
      `/nowhere?auth-key=${secret}`,
      `/customers/%zz/?auth-key=${secret}`,
    ]
    const statuses = []
    for (const path of paths) {
      const response = await fetch(url + path)
      statuses.push(response.status)
      const body = await response.text()
      expect([path, body.includes(secret), body.includes(wrong)]).toEqual([path, false, false])
    }
    expect(statuses.slice(0, 6)).toEqual([200, 200, 404, 404, 404, 404])
    await vi.waitFor(() =>
      expect(
        printed()
          .slice(told)
          .match(/\[redacted\]/g)?.length,
      ).toBeGreaterThanOrEqual(6),
    )
    expect(printed().slice(told)).not.toContain(secret)
    expect(printed().slice(told)).not.toContain(wrong)
  })
})

describe.each([
  ['boomi-flow', 'Boomi Flow'],
  ['flare', 'Flare'],
  ['flare', 'Flare clients'],
  ['flowgear', 'Flowgear'],
] as const)('the table of docs/%s.md', (guide, section) => {
  test(`has each fact of ${section}, with the tests that hold it`, () => {
    const text = read(guide)
    const prefix = section === 'Flare clients' ? 'Flare client: ' : `${section}: `
    for (const { behaviour, tests, why } of wireFacts.filter((fact) => fact.section === section)) {
      const held = tests?.map((name) => `\`${name.slice(prefix.length)}\``).join('; ') ?? `no test: ${why}`
      const rows = text.split('\n').filter((line) => line.startsWith(`| ${behaviour} | `) && line.endsWith(` | ${held} |`))
      expect([behaviour, held, rows.length]).toEqual([behaviour, held, 1])
    }
  })

  test(`has no other facts of ${section}`, () => {
    // The table of the clients stands behind that of the product.
    const tables = read(guide).split('| behaviour | here | held by |').slice(1)
    const rows = (tables[section === 'Flare clients' ? 1 : 0] ?? '').split('\n').filter((line) => /^\| /.test(line))
    expect(rows).toHaveLength(wireFacts.filter((fact) => fact.section === section).length)
  })
})

async function run(text: string): Promise<Program> {
  const port = await freePort()
  const file = join(scratch, `guide-${port}.ts`)
  writeFileSync(file, text)
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(scratch, 'tsconfig.json'), PORT: String(port) }
  const program = spawn(process.execPath, ['--import', 'tsx', file], { cwd: scratch, env, stdio: 'pipe' })
  running.push(program)
  let printed = ''
  const url = await new Promise<string>((found, failed) => {
    const hear = (chunk: Buffer) => {
      printed += chunk
      const listening = /^Listening on (http:\/\/localhost:\d+)/m.exec(printed)?.[1]
      if (listening !== undefined) found(listening)
    }
    program.stdout?.on('data', hear)
    program.stderr?.on('data', hear)
    program.on('exit', (code) => failed(new Error(`It ended with ${code}: ${printed}`)))
  })
  return { url, printed: () => printed }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, listening))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('There is no free port')
  return address.port
}
