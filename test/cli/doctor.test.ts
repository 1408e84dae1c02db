import {
  createTwinkey,
  generateSigningKey,
  type KeyStore,
  memoryStore,
  type TwinkeyOptions,
} from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { COMMANDS } from '../../src/cli/commands/index.ts'
import { OPERATIONS } from '../../src/core/model/operations.ts'
import { createPool, type PostgresServer, startPostgres } from '../support/postgres.ts'
import { createTerminal } from './terminal.ts'

const NOW = Date.UTC(2026, 0, 1)
const scope = { tenants: ['t1'], workflows: '*' } as const
// A copy without symbols is not recognised as a store in memory.
const durable = (more: object = {}) =>
  ({
    ...Object.fromEntries(Object.entries(memoryStore())),
    inspect: async () => [],
    clock: async () => NOW,
    ...more,
  }) as unknown as KeyStore

async function findings(
  options: TwinkeyOptions,
  prepare?: (twinkey: ReturnType<typeof createTwinkey>) => unknown,
) {
  const twinkey = createTwinkey({ now: () => NOW, ...options })
  await prepare?.(twinkey)
  const { code, out } = await createTerminal(twinkey)('doctor --json')
  const { problems, findings: found } = JSON.parse(out)
  return {
    code,
    problems,
    of: (topic: string): string[] =>
      found
        .filter((each: { topic: string }) => each.topic === topic)
        .map(({ status, message }: { status: string; message: string }) => `${status}: ${message}`),
  }
}

test('a deployment in order has no problem and no warning', async () => {
  const jwk = { ...(await generateSigningKey()), iat: NOW / 1000 - 86_400 }
  const twinkey = createTwinkey({
    store: durable(),
    prefixes: ['acme'],
    environments: ['production'],
    pepper: { current: 'a', keys: { a: new Uint8Array(32).fill(1) } },
    tokens: { issuer: 'https://a.example', audience: 'https://a.example', signingKeys: [jwk] },
    limiter: memoryLimiter(),
    onEvent: () => {},
    now: () => NOW,
  })
  const { code, out } = await createTerminal(twinkey)('doctor')
  expect(code).toBe(0)
  expect(out).toMatch(/\n0 problems, 0 warnings, \d+ to check by hand\.\n$/)
  expect(out).toContain('It is 1 day old.')
  for (const topic of ['TLS', 'Logs', 'Throttle', 'Proxies', 'Owners and tenants', 'Dependencies'])
    expect(out).toContain(`by hand ${topic}: `)
})

test('keys in memory are a problem, with exit code 1', async () => {
  const { code, problems, of } = await findings({})
  expect({ code, problems }).toEqual({ code: 1, problems: 2 })
  expect(of('Store')).toEqual([expect.stringMatching(/^problem: Keys are in the memory/)])
  expect(of('Signing keys')).toEqual([expect.stringMatching(/^problem: .*lost with the process/)])
})

test('defaults for development are warnings', async () => {
  const { code, of } = await findings({ store: durable() })
  expect(code).toBe(0)
  for (const topic of ['Pepper', 'Signing keys', 'Environments', 'Prefixes', 'Warnings'])
    expect(of(topic)).toEqual([expect.stringMatching(/^warning: /)])
})

test('a store that does not answer is a problem', async () => {
  const { code, of } = await findings({
    store: durable({ list: async () => Promise.reject(new Error('There are no tables.')) }),
  })
  expect(code).toBe(1)
  expect(of('Store')).toEqual([expect.stringContaining('There are no tables.')])
})

describe('a database that hangs', () => {
  const never = () => new Promise<never>(() => {})
  const hanging = async (more: object) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      // With its longest deadline, the keyring itself would wait a minute.
      const found = findings({ store: durable(more), deadlineSeconds: 60 })
      await vi.advanceTimersByTimeAsync(12_000)
      return await found
    } finally {
      vi.useRealTimers()
    }
  }

  test('is a problem after a few seconds', async () => {
    const { code, of } = await hanging({ list: never })
    expect(code).toBe(1)
    expect(of('Store')).toEqual([expect.stringContaining('no answer within 5 seconds')])
  })

  test('leaves the clock and durability to check by hand', async () => {
    const { code, of } = await hanging({ inspect: never, clock: never })
    expect(code).toBe(0)
    for (const topic of ['Durability', 'Clock'])
      expect(of(topic)).toEqual([expect.stringMatching(/^check: .* cannot be read/)])
  })

  test('while the keys are read is a problem, and the other checks are shown', async () => {
    let calls = 0
    const { list } = memoryStore()
    const hangs: KeyStore['list'] = (query, ...rest) =>
      ++calls > 1 ? never() : list(query, ...rest)
    const { code, of } = await hanging({ list: hangs })
    expect(code).toBe(1)
    expect(of('Keys')).toEqual([expect.stringMatching(/^problem: The keys cannot be read/)])
    expect(of('Prefixes')).toHaveLength(1)
  })
})

test('settings that can lose writes are problems', async () => {
  const { of } = await findings({ store: durable({ inspect: async () => ['fsync is off.'] }) })
  expect(of('Durability')).toEqual(['problem: fsync is off.'])
  const unknown = await findings({ store: durable({ inspect: undefined }) })
  expect(unknown.of('Durability')).toEqual([expect.stringMatching(/^check: /)])
})

test.each([
  [0, /^ok: /],
  [-5000, /^warning: .* 5 seconds/],
  [60_000, /^problem: .* 60 seconds/],
])('the clock of the database that is %i ms ahead', async (ahead, message) => {
  const { of } = await findings({ store: durable({ clock: async () => NOW + ahead }) })
  expect(of('Clock')).toEqual([expect.stringMatching(message)])
})

test('each pepper is needed or can be removed', async () => {
  const [a, b, c] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const store = durable()
  const before = createTwinkey({ store, pepper: { current: 'a', keys: { a } } })
  await before.keys.create({ name: 'One', scope })
  await createTwinkey({ store }).keys.create({ name: 'Two', scope })
  const { of } = await findings({ store, pepper: { current: 'c', keys: { a, b, c } } })
  expect(of('Pepper')).toEqual([
    'ok: New secrets are stored under "c".',
    expect.stringMatching(/^warning: Secrets without a pepper: 1 key\./),
    expect.stringMatching(/^ok: "a" is still needed: 1 key\./),
    expect.stringMatching(/^warning: No key needs "b"/),
  ])
})

test('an old signing key is a warning, and one without a time is to check', async () => {
  const [old, unknown] = [await generateSigningKey(), await generateSigningKey()]
  const signingKeys = [{ ...old, iat: NOW / 1000 - 400 * 86_400 }, unknown]
  const { of } = await findings({ store: durable(), tokens: { signingKeys } })
  expect(of('Signing keys')).toEqual([
    expect.stringMatching(/^warning: .* signs\. It is 400 days old/),
    expect.stringMatching(/^check: .* verifies, and can sign\. Its age is unknown: add `iat`/),
  ])
  expect(of('Issuer')).toEqual([expect.stringMatching(/^warning: /)])
})

test('keys with limits and no limiter are a problem', async () => {
  const store = durable()
  const { keys } = createTwinkey({ store, limiter: memoryLimiter() })
  const { key } = await keys.create({
    name: 'One',
    scope,
    limits: [{ requests: 1, perSeconds: 1 }],
  })
  const { of } = await findings({ store })
  expect(of('Limits')).toEqual([expect.stringContaining(`problem: Key ${key.id} has limits`)])
})

describe('over PostgreSQL', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres({ config: { fsync: 'off' } })
  })
  afterAll(() => server.stop())

  test('missing tables, the clock and durability are found', async () => {
    const pool = createPool(server.url)
    const store = postgresStore(pool)
    const missing = await findings({ store })
    expect(missing.of('Store')).toEqual([expect.stringContaining('twinkey migrate')])
    await store.migrate()
    const { of } = await findings({ store, now: () => Date.now() })
    expect(of('Durability')).toEqual([expect.stringMatching(/^problem: .*fsync = off/)])
    expect(of('Clock')).toEqual([expect.stringMatching(/^ok: /)])
    await pool.end()
  })
})

test('the settings that the checks read are frozen', async () => {
  const { settings } = createTwinkey({
    prefixes: ['acme'],
    environments: ['production'],
    pepper: { current: 'a', keys: { a: new Uint8Array(32).fill(1) } },
    tokens: { signingKeys: [await generateSigningKey()] },
  })
  // The store is an object of the application.
  const { store: _store, ...described } = settings()
  const isFrozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(isFrozen))
  expect(Object.entries(described).filter(([, value]) => !isFrozen(value))).toEqual([])
  expect(described).toMatchObject({ prefixes: ['acme'], peppers: { all: ['a'] } })
})

test('every operation of the keyring has a command', () => {
  const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  const words = COMMANDS.map((command) => command.words.replace(/^keys /, ''))
  const missing = Object.keys(OPERATIONS).filter((name) => !words.includes(kebab(name)))
  // `keys create --idempotency-key`.
  expect(missing).toEqual(['createOnce'])
})

test('an option takes a value in every command or in none', () => {
  const kinds = new Map<string, boolean>()
  for (const { flags } of COMMANDS)
    for (const { name, value } of flags) {
      expect([name, kinds.get(name) ?? value !== undefined]).toEqual([name, value !== undefined])
      kinds.set(name, value !== undefined)
    }
})
