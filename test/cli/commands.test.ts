import { createTwinkey, secretPattern, type Twinkey } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { postgresStore } from 'twinkey/stores/postgres'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, startPostgres } from '../support/postgres.ts'
import { newFolder, openSqlite } from '../support/sqlite.ts'
import { createTerminal } from './terminal.ts'

const DAY = 86_400_000
const START = Date.UTC(2026, 0, 1)
const STORES = {
  async SQLite() {
    const opened = await openSqlite('@libsql/client', `${newFolder()}/keys.db`)
    return { store: sqliteStore(opened.database), end: async () => opened.close() }
  },
  async PostgreSQL() {
    const server = await startPostgres()
    const pool = createPool(server.url)
    const end = async () => {
      await pool.end()
      await server.stop()
    }
    return { store: postgresStore(pool), end }
  },
}

describe.each(Object.entries(STORES))('over %s', (_name, open) => {
  let time = START
  let twinkey: Twinkey
  let twinkeyOn: ReturnType<typeof createTerminal>
  let end: () => Promise<void>

  beforeAll(async () => {
    const opened = await open()
    end = opened.end
    twinkey = createTwinkey({
      store: opened.store,
      prefixes: ['acme'],
      environments: ['production', 'test'],
      limiter: memoryLimiter(),
      importedSecrets: [{ algorithm: 'sha-256', minLength: 32, maxLength: 64 }],
      now: () => time,
    })
    twinkeyOn = createTerminal(twinkey)
    expect(await twinkeyOn('migrate')).toMatchObject({
      code: 0,
      out: 'The store has everything that this version of Twinkey needs.\n',
    })
  })
  afterAll(async () => {
    await twinkey.close()
    await end()
  })

  /** Runs a command that succeeds, and returns its JSON. */
  async function json(line: string | readonly string[], files = {}) {
    time += 1000
    const argv = typeof line === 'string' ? line.split(' ') : line
    const outcome = await twinkeyOn([...argv, '--json'], { files })
    expect(outcome).toMatchObject({ code: 0 })
    return JSON.parse(outcome.out)
  }
  const create = (name: string, more = '') =>
    json(`keys create --name ${name} --tenant t1 --workflow customers.read ${more}`.trim())

  test('keys create takes every attribute', async () => {
    const argv = [
      ...[
        'keys',
        'create',
        '--name',
        'Billing',
        '--owner',
        'ada',
        '--tenant',
        't1',
        '--tenant',
        't2',
      ],
      ...['--environment', 'production', '--workflow', '*', '--expires', '90d', '--no-secondary'],
      ...['--limit', '1000/minute', '--limit', 'bulk=5/day', '--network', '192.0.2.0/24'],
      ...[
        '--network',
        '2001:db8::/32',
        '--metadata',
        'plan=gold',
        '--metadata',
        'eq=a=b',
        '--tokens',
      ],
    ]
    const { key, primary, secondary } = await json(argv)
    expect(secondary).toBeNull()
    expect(await twinkey.keys.verify(primary, { networks: 'not checked here' })).toMatchObject({
      ok: true,
    })
    expect(key).toMatchObject({
      name: 'Billing',
      owner: 'ada',
      scope: { tenants: ['t1', 't2'], environments: ['production'], workflows: '*' },
      limits: [
        { requests: 1000, perSeconds: 60 },
        { name: 'bulk', requests: 5, per: 'day' },
      ],
      networks: ['192.0.2.0/24', '2001:db8::/32'],
      metadata: { plan: 'gold', eq: 'a=b' },
      tokens: true,
      expiresAt: time + 90 * DAY,
    })
  })

  test('keys create shows each secret once, on standard output only', async () => {
    const { out, err } = await twinkeyOn('keys create --name Two --tenant t1 --workflow a')
    const secrets = out.match(new RegExp(secretPattern('acme'), 'g'))
    expect(secrets).toHaveLength(2)
    expect(err).toBe('Keep each secret now. It cannot be shown again.\n')
    const { entries } = await twinkey.keys.history({ limit: 1 })
    expect(entries).toMatchObject([{ type: 'key.created', actor: 'cli:ada' }])
  })

  test('keys create with an idempotency key makes one key', async () => {
    const first = await create('Once', '--idempotency-key one')
    const again = await create('Once', '--idempotency-key one')
    expect(again).toMatchObject({ key: { id: first.key.id }, primary: null, secondary: null })
  })

  test('keys usage shows what is left of each limit', async () => {
    const { key } = await create('Counted', '--limit 1000/minute')
    const { limits } = await json(`keys usage ${key.id}`)
    expect(limits).toMatchObject([{ limit: { requests: 1000, perSeconds: 60 }, remaining: 1000 }])
    expect((await twinkeyOn(`keys usage ${key.id}`)).out).toMatch(/^LIMIT .*\n1000\/60s +1000 /)
    expect(await twinkeyOn('keys usage AAAAAAAAAAAAAAAA')).toMatchObject({ code: 1, out: '' })
  })

  test('keys get, update, disable and enable show the key', async () => {
    const { key } = await create('Changing')
    expect(await json(`keys get ${key.id}`)).toEqual(key)
    const line = `keys update ${key.id} --workflow orders.read --expires never --no-limits --actor eve`
    const updated = await json(line)
    expect(updated).toMatchObject({ scope: { workflows: ['orders.read'] }, limits: [] })
    expect(await json(`keys disable ${key.id}`)).toMatchObject({ state: 'disabled' })
    expect(await json(`keys enable ${key.id}`)).toMatchObject({ state: 'active' })
    const { entries } = await json(`history --key ${key.id}`)
    expect(
      entries.map((entry: { type: string; actor: string }) => [entry.type, entry.actor]),
    ).toEqual([
      ['key.enabled', 'cli:ada'],
      ['key.disabled', 'cli:ada'],
      ['key.updated', 'eve'],
      ['key.created', 'cli:ada'],
    ])
  })

  test('an update that is based on another version changes nothing', async () => {
    const { key } = await create('Versioned')
    const line = `keys update ${key.id} --name Other --expected-version ${key.version + 1}`
    expect(await twinkeyOn(line)).toMatchObject({ code: 1, out: '' })
    expect(await json(`keys get ${key.id}`)).toEqual(key)
  })

  test('keys rotate, renew and end-secondary replace secrets', async () => {
    const { key } = await create('Rotating', '--no-secondary')
    const rotated = await json(`keys rotate ${key.id} --grace 7d`)
    expect(rotated).toMatchObject({
      primary: expect.stringContaining('acme_'),
      secondary: null,
      key: { secondary: { expiresAt: time + 7 * DAY } },
    })
    expect(await json(`keys end-secondary ${key.id} --yes`)).toMatchObject({ secondary: null })
    const renewed = await json(`keys renew ${key.id} --slots both --yes`)
    expect(await twinkey.keys.verify(renewed.secondary)).toMatchObject({ slot: 'secondary' })
    const taken = await twinkeyOn(`keys rotate ${key.id}`)
    expect(taken).toMatchObject({ code: 1, out: '' })
    expect(await json(`keys rotate ${key.id} --replace secondary --yes`)).toHaveProperty('primary')
  })

  test('keys revoke, delete and revoke-all end keys', async () => {
    const { key } = await create('Ending')
    expect(await json(`keys revoke ${key.id} --yes`)).toMatchObject({ state: 'revoked' })
    expect(await json(`keys delete ${key.id} --yes`)).toEqual({ deleted: key.id })
    expect(await twinkeyOn(`keys get ${key.id}`)).toMatchObject({ code: 1, out: '' })
    await create('Leaving', '--owner leaving')
    await create('LeavingToo', '--owner leaving')
    const result = await json('keys revoke-all --owner leaving --yes')
    expect(result).toEqual({ revoked: 2, narrowed: 0 })
  })

  test('keys revoke-all of a tenant counts the keys that reach every tenant, and leaves them', async () => {
    const make = (tenants: '*' | readonly string[]) =>
      twinkey.keys.create({ name: 'Gone', scope: { tenants, workflows: '*' } })
    const keys = [
      await make(['gone']),
      await make(['gone']),
      await make(['gone', 'stays']),
      await make('*'),
      await make('*'),
      await make('*'),
    ]
    await twinkey.keys.revoke(keys[5]?.key.id ?? '')
    const asked = await twinkeyOn('keys revoke-all --tenant gone', { answers: ['no'] })
    expect(asked.questions).toEqual([
      'Revoke all keys of tenant gone? 2 keys end for good. 1 key with further tenants loses only this tenant. 2 keys reach every tenant and stay as they are. This cannot be undone. [y/N] ',
    ])
    const { out } = await twinkeyOn('keys revoke-all --tenant gone --yes')
    expect(out).toBe(
      'Revoked 2 keys. 1 key with further tenants lost the tenant. 2 keys reach every tenant and stay as they are. Revoke such a key with `twinkey keys revoke ID`.\n',
    )
    const states = await Promise.all(keys.map(({ key }) => twinkey.keys.get(key.id)))
    expect(states.map((key) => key?.state)).toEqual([
      ...['revoked', 'revoked', 'active', 'active', 'active', 'revoked'],
    ])
    await twinkey.keys.revoke(keys[4]?.key.id ?? '')
    expect(await json('keys revoke-all --tenant gone --yes')).toEqual({
      revoked: 0,
      narrowed: 0,
      everyTenant: 1,
    })
    await twinkey.keys.revoke(keys[3]?.key.id ?? '')
    const last = await twinkeyOn('keys revoke-all --tenant gone --yes')
    expect(last.out).toBe('Revoked 0 keys.\n')
  })

  test('keys list filters and pages, and --all reads every page', async () => {
    await create('Paged', '--owner paged')
    await create('Paged', '--owner paged')
    const { keys, nextCursor } = await json('keys list --owner paged --limit 1')
    expect(keys).toHaveLength(1)
    const next = await json(`keys list --owner paged --limit 1 --cursor ${nextCursor}`)
    expect(next.keys[0].id).not.toBe(keys[0].id)
    expect((await json('keys list --owner paged --all')).keys).toHaveLength(2)
    const { err } = await twinkeyOn('keys list --owner paged --limit 1')
    expect(err).toMatch(/^There are more\. Add --cursor [\w-]+\n$/)
  })

  test('expiring lists the active keys that end soon', async () => {
    await create('Soon', '--owner expiring --expires 3d')
    await create('Late', '--owner expiring --expires 30d')
    const soon = await json('expiring --owner expiring')
    expect(soon.keys.map(({ name }: { name: string }) => name)).toEqual(['Soon'])
    expect((await json('expiring --owner expiring --within 40d')).keys).toHaveLength(2)
  })

  test('history --after reads forwards', async () => {
    const { entries, hasMore } = await json('history --after 100d --limit 1')
    expect(entries).toHaveLength(1)
    expect(hasMore).toBe(true)
  })

  test('keys import reads a file, goes on after a line that fails, and can be repeated', async () => {
    const secret = (character: string) => ({ secret: character.repeat(40), entropyBits: 128 })
    const line = (name: string, primary: object) =>
      JSON.stringify({
        name,
        scope: { tenants: ['t1'], workflows: '*' },
        primary,
        expiresAt: '2027-01-31',
      })
    const files = {
      'keys.jsonl': [
        line('One', secret('x')),
        '',
        line('', secret('y')),
        line('Two', secret('z')),
      ].join('\n'),
    }
    const first = await twinkeyOn('keys import keys.jsonl --json', { files })
    expect(first.code).toBe(1)
    expect(JSON.parse(first.out)).toMatchObject({
      imported: 2,
      skipped: 0,
      failed: [{ line: 3, code: 'invalid_input' }],
    })
    const again = await twinkeyOn('keys import - --skip-taken', {
      files: { '-': files['keys.jsonl'] },
    })
    expect(again.out).toBe('Imported 0 keys. Skipped 2. Failed 1.\n')
    expect(first.out + first.err + again.out + again.err).not.toContain('xxxx')
  })

  test('migrate --print shows the SQL of the store', async () => {
    const { out } = await twinkeyOn('migrate --print')
    expect(out).toContain('create table')
    expect((await json('migrate --print')).migrations.length).toBeGreaterThan(1)
  })
})
