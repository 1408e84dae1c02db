import { createHash, createHmac, scryptSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@libsql/client'
import type * as Twinkey from 'twinkey'
import { createTwinkey, memoryStore, type TwinkeyOptions } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { requireAuth } from 'twinkey/web'
import { afterAll, describe, expect, test } from 'vitest'
import { blocksOf, blockWith, createGuideRunner } from '../support/guide.ts'

const { load, finish, remove } = createGuideRunner()
const folder = mkdtempSync(join(tmpdir(), 'twinkey-migrating-'))
afterAll(() => {
  remove()
  rmSync(folder, { recursive: true, force: true })
})

/** What the blocks of docs/migrating.md export. */
interface Way<Row> {
  readonly importedSecrets: Twinkey.TwinkeyOptions['importedSecrets']
  keyOf(row: Row, tenant: string): Twinkey.ImportKeyInput
}

const blocks = blocksOf('migrating', 'ts')

async function wayWith<T>(text: string): Promise<T> {
  const found = blocks.filter((block) => block.includes(text))
  expect(found, `blocks of docs/migrating.md with ${text}`).toHaveLength(1)
  return load<T>(found[0] ?? '')
}

const sha256 = (secret: string) => createHash('sha256').update(secret)
// Not the secret, but of the same length: every guard must refuse it.
const spoilt = (secret: string) => secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A')

async function expectToVerify(
  twinkey: Twinkey.Twinkey,
  secret: string,
  key: Twinkey.ApiKey,
): Promise<void> {
  expect(await twinkey.keys.verify(secret)).toMatchObject({
    ok: true,
    slot: 'primary',
    key: { id: key.id },
  })
  expect(await twinkey.keys.verify(spoilt(secret))).toMatchObject({
    ok: false,
    refusal: { code: 'credential_invalid' },
  })
}

describe('a table of your own', () => {
  const secret = 'c0ffee00'.repeat(8)

  test('with SHA-256 in hex is imported', async () => {
    const { importedSecrets, keyOf } = await wayWith<Way<object>>("createHash('sha256')")
    const twinkey = createTwinkey({ importedSecrets })
    const row = {
      id: '1',
      digest: sha256(secret).digest('hex'),
      name: 'Billing',
      customer: 't1',
      lastFour: 'ee00',
    }
    await expectToVerify(twinkey, secret, await twinkey.keys.import(keyOf(row, '')))
  })

  test('with HMAC-SHA-256 is imported, under a pepper that is not current', async () => {
    type Peppered = Pick<Way<object>, 'keyOf'> & {
      start(legacy: Uint8Array, current: Uint8Array): Twinkey.Twinkey
    }
    const { start, keyOf } = await wayWith<Peppered>('createHmac(')
    const [legacy, current] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const twinkey = start(legacy, current)
    const digest = createHmac('sha256', legacy).update(secret).digest('hex')
    await expectToVerify(
      twinkey,
      secret,
      await twinkey.keys.import(keyOf({ id: '1', digest, name: 'Billing', customer: 't1' }, '')),
    )
  })

  test('with salted hashes is imported key by key, each on its first use', async () => {
    type TakeOver = (
      twinkey: Twinkey.Twinkey,
      secret: string,
      check: (secret: string) => Promise<object | undefined>,
    ) => Promise<void>
    const { takeOver } = await wayWith<{ takeOver: TakeOver }>('takeOver(')
    const twinkey = createTwinkey({
      importedSecrets: [{ algorithm: 'sha-256', minLength: 64, maxLength: 64 }],
    })
    const salt = Buffer.from('salt of the old row')
    const stored = scryptSync(secret, salt, 32)
    let checks = 0
    const check = async (text: string) => {
      checks++
      return scryptSync(text, salt, 32).equals(stored)
        ? { name: 'Billing', customer: 't1' }
        : undefined
    }
    await takeOver(twinkey, spoilt(secret), check)
    expect(await twinkey.keys.verify(spoilt(secret))).toMatchObject({ ok: false })

    await Promise.all([takeOver(twinkey, secret, check), takeOver(twinkey, secret, check)])
    expect(await twinkey.keys.verify(secret)).toMatchObject({ ok: true, key: { name: 'Billing' } })
    expect((await twinkey.keys.list()).keys).toHaveLength(1)

    const before = checks
    await takeOver(twinkey, secret, check)
    expect(checks).toBe(before)
  })

  test('with salted hashes keeps the expiry of a key, and corrects its name', async () => {
    type TakeOver = (
      twinkey: Twinkey.Twinkey,
      secret: string,
      check: (secret: string) => Promise<object | undefined>,
    ) => Promise<void>
    const { takeOver } = await wayWith<{ takeOver: TakeOver }>('takeOver(')
    const twinkey = createTwinkey({
      importedSecrets: [{ algorithm: 'sha-256', minLength: 64, maxLength: 64 }],
    })
    const expiresAt = Date.parse('2099-01-01')
    await takeOver(twinkey, secret, async () => ({ name: '\n', customer: 't1', expiresAt }))
    expect(await twinkey.keys.verify(secret)).toMatchObject({
      ok: true,
      key: { name: 'API key', expiresAt },
    })
  })
})

describe('better-auth', () => {
  // Made by defaultKeyHasher of @better-auth/api-key 1.7.5 from keys of its form, without a prefix
  // and with one.
  test.each([
    [
      'sXVbaZqkHsTmTiKaQflqPhbawjrFZONjtUOoiJWWxuOhSRiGreMoEkOKSCfbrYFf',
      'T5IyMo_KI2cBTe-gOAn31MoTMRMPtjgRsnalqYBvGt8',
    ],
    [
      'acme_old_ItysIbbklKJmaOxqagnGBFTMPrnpqAQablbbBntDIoMRMNXBogLyEqIBtVfqWFGS',
      'epO_E26qN2uesONBJ_-4QUSzbrNC1yPY6E78RoZf8MQ',
    ],
  ])('the key %s is imported by its row', async (secret, digest) => {
    expect(sha256(secret).digest('base64url')).toBe(digest)
    const { importedSecrets, keyOf } = await wayWith<Way<object>>('table `apikey`')
    const twinkey = createTwinkey({ importedSecrets })
    const expiresAt = new Date('2099-01-01')
    const row = {
      id: 'a1',
      key: digest,
      name: null,
      referenceId: 'user-1',
      enabled: true,
      expiresAt,
      permissions: null,
    }
    const key = await twinkey.keys.import(keyOf(row, 't1'))
    expect(key).toMatchObject({ owner: 'user-1', expiresAt: expiresAt.getTime(), limits: null })
    await expectToVerify(twinkey, secret, key)
  })

  test('the program imports the active keys of a database with their limits, and no key twice', async () => {
    const url = `file:${join(folder, 'auth.db')}`
    const database = createClient({ url })
    await database.execute(`CREATE TABLE apikey (
      id TEXT PRIMARY KEY, key TEXT, name TEXT, referenceId TEXT, enabled INTEGER, expiresAt TEXT,
      permissions TEXT, rateLimitEnabled INTEGER, rateLimitMax INTEGER, rateLimitTimeWindow INTEGER)`)
    const secrets = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string]
    const add = (secret: string, enabled: number, permissions: string | null, limited: number) =>
      database.execute(
        `INSERT INTO apikey VALUES (?, ?, 'Billing', 'ada', ?, '2099-01-01T00:00:00.000Z', ?, ?, 10, 86400000)`,
        [secret[0] ?? '', sha256(secret).digest('base64url'), enabled, permissions, limited],
      )
    await add(secrets[0], 1, null, 1)
    await add(secrets[1], 1, '{"files":["read"]}', 0)
    await add(secrets[2], 0, null, 0)
    const program = blockWith('migrating', '// migrate.ts').replace('file:auth.db', url)
    const parts = ['// better-auth.ts', '// import-all.ts'].map((name) =>
      blockWith('migrating', name),
    )
    const printed = () => {
      const { code, printed } = finish(program, ...parts)
      expect(`${code} ${printed}`).toMatch(/^0 \{/)
      return printed
    }
    expect(printed()).toBe('{ imported: 2, known: 0, ended: 1, failed: [] }\n')
    expect(printed()).toBe('{ imported: 0, known: 2, ended: 1, failed: [] }\n')

    const { importedSecrets } = await wayWith<Way<object>>('table `apikey`')
    const twinkey = createTwinkey({
      store: sqliteStore(database),
      importedSecrets,
      limiter: memoryLimiter(),
    })
    const [first, second, third] = await Promise.all(
      secrets.map((secret) => twinkey.keys.verify(secret)),
    )
    expect(first).toMatchObject({
      ok: true,
      key: {
        expiresAt: Date.parse('2099-01-01'),
        limits: [{ requests: 10, perSeconds: 86_400 }],
        scope: { tenants: ['main'], workflows: '*' },
      },
    })
    expect(second).toMatchObject({
      ok: true,
      key: { limits: null, scope: { workflows: ['files.read'] } },
    })
    expect(third).toMatchObject({ ok: false })
    await twinkey.close()
    database.close()
  })
})

// Names from other systems: each is longer or shorter than a name here may be, or has other
// characters.
const NAMES = [
  '',
  '   ',
  '\u0000',
  'two\nlines',
  'a tab\t',
  'x'.repeat(500),
  `${'x'.repeat(127)}😀`,
  'a lone \ud800',
  '😀'.repeat(200),
]

describe('a name that is empty, too long or has control characters', () => {
  const secret = 'c0ffee00'.repeat(8)
  const hex = sha256(secret).digest('hex')
  const systems: [string, (name: string | null) => object][] = [
    ["createHash('sha256')", (name) => ({ id: 1, digest: hex, name, customer: 't1' })],
    [
      'table `apikey`',
      (name) => ({
        id: 1,
        key: sha256(secret).digest('base64url'),
        name,
        referenceId: 'u1',
        expiresAt: null,
        permissions: null,
      }),
    ],
    [
      'table `keys`',
      (name) => ({
        id: 1,
        hash: sha256(secret).digest('base64'),
        name,
        owner_id: null,
        expires: null,
      }),
    ],
    [
      'withPrefixedKeys(',
      (name) => ({ shortToken: 'abcdefgh', longTokenHash: hex, name, customer: 't1' }),
    ],
  ]

  test.each(systems)('is corrected by the keyOf of %s', async (text, rowOf) => {
    const { importedSecrets, keyOf } = await wayWith<Way<object>>(text)
    for (const name of NAMES) {
      const key = await createTwinkey({ importedSecrets }).keys.import(keyOf(rowOf(name), 't1'))
      expect(key.name).toMatch(/^\S.*$/u)
    }
  })

  test.each(['table `apikey`', 'table `keys`'])(
    'and a null name is corrected by the keyOf of %s',
    async (text) => {
      const { keyOf } = await wayWith<Way<object>>(text)
      const [, rowOf] = systems.find(([each]) => each === text) ?? []
      expect(keyOf(rowOf?.(null) ?? {}, 't1').name).toBe('API key')
    },
  )
})

describe('the import', () => {
  type Entry = { key: Twinkey.ImportKeyInput; isActive: boolean }
  type Report = {
    imported: number
    known: number
    ended: number
    failed: { row: number; reason: string }[]
  }
  type ImportAll = <Row>(
    twinkey: Twinkey.Twinkey,
    rows: Iterable<Row>,
    entryOf: (row: Row) => Entry,
  ) => Promise<Report>
  interface Row {
    id: string
    key: string
    name: string | null
    referenceId: string
    enabled: boolean
    expiresAt: Date | null
    permissions: string | null
  }
  const secretOf = (i: number) => `${i}`.padStart(64, 'k')
  const rowOf = (i: number, more: Partial<Row> = {}): Row => ({
    id: `r${i}`,
    key: sha256(secretOf(i)).digest('base64url'),
    name: `Key ${i}`,
    referenceId: 'u1',
    enabled: true,
    expiresAt: null,
    permissions: null,
    ...more,
  })

  async function start(more: Pick<TwinkeyOptions, 'store'> = {}) {
    const { importAll } = await wayWith<{ importAll: ImportAll }>('function importAll<')
    const { importedSecrets, keyOf } = await wayWith<Way<Row>>('table `apikey`')
    const twinkey = createTwinkey({ importedSecrets, ...more })
    const run = (rows: readonly Row[]) =>
      importAll(twinkey, rows, (row) => ({ key: keyOf(row, 't1'), isActive: row.enabled }))
    const isLetIn = async (i: number) => (await twinkey.keys.verify(secretOf(i))).ok
    return { twinkey, run, isLetIn }
  }

  test('continues after rows that cannot be imported, and reports them', async () => {
    const { run, isLetIn } = await start()
    const rows = [
      rowOf(1),
      rowOf(2, { name: '\u0000' }),
      rowOf(3, { key: 'cut' }),
      rowOf(4, { referenceId: '' }),
      rowOf(5, { permissions: '{' }),
      rowOf(6),
    ]
    expect(await run(rows)).toEqual({
      imported: 3,
      known: 0,
      ended: 0,
      failed: [
        { row: 3, reason: expect.stringContaining('primary.digest') },
        { row: 4, reason: expect.stringContaining('owner') },
        { row: 5, reason: 'The row cannot be read.' },
      ],
    })
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(isLetIn))).toEqual([
      true,
      true,
      false,
      false,
      false,
      true,
    ])
  })

  test('can be repeated after the store failed half way, and imports no key twice', async () => {
    const memory = memoryStore()
    let writes = 0
    let isDown = false
    const unlessDown = <T>(work: () => Promise<T>) =>
      isDown ? Promise.reject(new Error('the store is down')) : work()
    const store: Twinkey.KeyStore = {
      ...memory,
      get: (id) => unlessDown(() => memory.get(id)),
      put(record, expected, entry) {
        // An import writes three records: the fourth key gets no further than its first.
        isDown ||= ++writes === 11
        return unlessDown(() => memory.put(record, expected, entry))
      },
    }
    const { twinkey, run, isLetIn } = await start({ store })
    const rows = [1, 2, 3, 4, 5].map((i) => rowOf(i))
    await expect(run(rows)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:outcome_unknown|store_unavailable)$/),
    })
    isDown = false
    expect(await run(rows)).toEqual({ imported: 2, known: 3, ended: 0, failed: [] })
    expect(await run(rows)).toEqual({ imported: 0, known: 5, ended: 0, failed: [] })
    expect((await twinkey.keys.list()).keys).toHaveLength(5)
    expect(await Promise.all([1, 2, 3, 4, 5].map(isLetIn))).toEqual([true, true, true, true, true])
  })

  test('recognises a key that was imported in another way', async () => {
    const { twinkey, run } = await start()
    await twinkey.keys.import({
      name: 'By hand',
      scope: { tenants: ['t1'], workflows: '*' },
      primary: { secret: secretOf(1), entropyBits: 112 },
    })
    expect(await run([rowOf(1), rowOf(2)])).toEqual({ imported: 1, known: 1, ended: 0, failed: [] })
  })

  test('never accepts a key that has ended in the old system, before or between two runs', async () => {
    const { run, isLetIn } = await start()
    const past = new Date('2020-01-01')
    expect(
      await run([rowOf(1, { enabled: false }), rowOf(2, { expiresAt: past }), rowOf(3), rowOf(4)]),
    ).toMatchObject({
      imported: 2,
      ended: 2,
    })
    expect(await Promise.all([1, 2, 3, 4].map(isLetIn))).toEqual([false, false, true, true])
    expect(await run([rowOf(3, { enabled: false }), rowOf(4, { expiresAt: past })])).toMatchObject({
      imported: 0,
      ended: 2,
      failed: [],
    })
    expect(await Promise.all([3, 4].map(isLetIn))).toEqual([false, false])
  })

  test('keeps a key with permissions to those', async () => {
    const { twinkey, run } = await start()
    const { failed } = await run([
      rowOf(1, { permissions: '{"files":["read","write"],"users":["read"]}' }),
      rowOf(2, { permissions: '{}' }),
      rowOf(3),
    ])
    // It would reach nothing.
    expect(failed).toHaveLength(1)
    const { keys } = await twinkey.keys.list()
    const workflows = Object.fromEntries(keys.map(({ name, scope }) => [name, scope.workflows]))
    expect(workflows).toEqual({
      'Key 1': ['files.read', 'files.write', 'users.read'],
      'Key 3': '*',
    })
  })

  test('refuses SHA-512 with a pointer to the page', async () => {
    const { twinkey } = await start()
    const primary = {
      digest: 'a'.repeat(128),
      encoding: 'hex',
      algorithm: 'sha-512',
      entropyBits: 190,
    }
    const importing = twinkey.keys.import({
      name: 'Old',
      scope: { tenants: ['t1'], workflows: '*' },
      primary,
    } as never)
    await expect(importing).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('docs/migrating.md'),
    })
    const importedSecrets = [{ algorithm: 'sha-512', minLength: 41, maxLength: 41 }]
    expect(() => createTwinkey({ importedSecrets } as never)).toThrow('docs/migrating.md')
  })
})

describe('Unkey', () => {
  // The first two pairs are from the tests of its own digest, internal/hash/src/sha256.test.ts. The
  // others have the form of its keys.
  test.each([
    ['3ZFeSzZi4bAHLaADiPyJy7BN', 'Af0t8Qg3G7oLwGHlkgMYIeloGL2dNBfcLxOLp3IDROY='],
    ['3ZG2fq6wALyJywNrL8Ao21FV', '8HrP1yRXT/iMQSdAXuvx1eDvt8wYOAonBBBHLeW59eo='],
    ['prod_9sGmTz3jQxL1hRkVbYcN4e', undefined],
    [`sixteen_letters1_8characunkeyv1${'k'.repeat(36)}chksum`, undefined],
  ])('the key %s is imported by its row', async (secret, published) => {
    const hash = sha256(secret).digest('base64')
    if (published !== undefined) expect(hash).toBe(published)
    const { importedSecrets, keyOf } = await wayWith<Way<object>>('table `keys`')
    const twinkey = createTwinkey({ importedSecrets })
    const key = await twinkey.keys.import(
      keyOf({ id: 'k1', hash, name: 'Reports', owner_id: null, expires: null }, 't1'),
    )
    await expectToVerify(twinkey, secret, key)
  })
})

describe('prefixed-api-key', () => {
  // Made by generateAPIKey({ keyPrefix: 'mycompany' }) of prefixed-api-key 1.1.1.
  const token = 'mycompany_caPRUSeX_2WsbMvc23hHn16voegyVF4c4'
  const longTokenHash = '5c1fe1acbc7f8a2da4d8d5d22beea9c3b4265a030c054b075c9dbfd223af27f2'

  test('the whole token passes a guard with the profile, and no other token does', async () => {
    expect(sha256(token.split('_')[2] ?? '').digest('hex')).toBe(longTokenHash)
    type Prefixed = Way<object> & { withPrefixedKeys(prefix: string): Twinkey.Profile }
    const { importedSecrets, keyOf, withPrefixedKeys } =
      await wayWith<Prefixed>('withPrefixedKeys(')
    // Also if Twinkey secrets begin with the prefix of the old ones.
    const twinkey = createTwinkey({ importedSecrets, prefixes: ['mycompany'] })
    await twinkey.keys.import(
      keyOf({ shortToken: 'caPRUSeX', longTokenHash, name: 'Old', customer: 't1' }, ''),
    )
    const { primary } = await twinkey.keys.create({
      name: 'New',
      scope: { tenants: ['t1'], workflows: '*' },
    })
    const profile = withPrefixedKeys('mycompany')
    const handler = requireAuth(twinkey, { profile }, (_request, { name }) => new Response(name))
    const call = async (secret: string) => {
      const response = await handler(
        new Request('http://localhost/', { headers: { authorization: `Bearer ${secret}` } }),
      )
      return response.ok ? response.text() : response.status
    }
    expect(await call(token)).toBe('Old')
    expect(await call(primary)).toBe('New')
    expect(await call(spoilt(token))).toBe(401)
    expect(await call(token.replace('mycompany', 'another'))).toBe(401)
  })
})
