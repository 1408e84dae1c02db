import type * as Twinkey from 'twinkey'
import { createTwinkey, hasValidChecksum, memoryStore, secretPattern, type Target } from 'twinkey'
import { comparePositions, type Position } from 'twinkey/store'
import { createTestClock, storeContract } from 'twinkey/testing'
import { requireAuth } from 'twinkey/web'
import { afterAll, describe, expect, test } from 'vitest'
import { ROUTES } from '../../src/endpoints/management/routes.ts'
import { blocksOf, blockWith, createGuideRunner, readGuide } from '../support/guide.ts'

const { load, remove } = createGuideRunner()
afterAll(remove)

describe('docs/concepts.md', () => {
  test('shows a secret of the form that secrets have, with its checksum', () => {
    const shown = secretPattern('tk').exec(readGuide('concepts'))?.[0]
    expect(shown).toBeDefined()
    expect(hasValidChecksum(shown ?? '')).toBe(true)
  })
})

describe('docs/scopes.md', () => {
  const [, table = ''] = readGuide('scopes').split(/<!--.*decisions -->/)
  const rows = [...table.matchAll(/^\| `(.+)` \| `(.+)` \| (.+) \|$/gm)].map(
    ([, scope, target, verdict]) => [scope, target, verdict],
  )

  test('has a table of decisions', () => {
    expect(rows.length).toBeGreaterThanOrEqual(14)
  })

  test.each(rows)(
    'a key of %s and a request for %s: %s',
    async (scope = '', target = '', verdict) => {
      const twinkey = createTwinkey({ environments: ['production', 'test'] })
      const { primary } = await twinkey.keys.create({
        name: 'Any',
        scope: { tenants: '*', environments: '*', workflows: '*', ...JSON.parse(scope) },
      })
      const handler = requireAuth(twinkey, JSON.parse(target) as Target, () => new Response('{}'))
      const response = await handler(
        new Request('http://localhost/', { headers: { 'x-api-key': primary } }),
      )
      const { code } = (await response.json()) as { code?: string }
      expect(code === undefined ? 'let in' : `\`${code}\``).toBe(verdict)
    },
  )
})

test('a guard that reads no tenant accepts a key of one tenant on any path, and a workflow alone excludes no tenant, as docs/scopes.md says', async () => {
  const twinkey = createTwinkey({ environments: ['production'] })
  const { primary } = await twinkey.keys.create({
    name: 'Customer',
    scope: { tenants: ['t1'], workflows: '*' },
  })
  const request = new Request('http://localhost/tenants/t2/flows', {
    headers: { 'x-api-key': primary },
  })
  expect(await twinkey.authenticate(request, { workflow: 'keys.manage' })).toMatchObject({
    ok: true,
    principal: { tenant: 't1' },
  })
  const refused = { ok: false, refusal: { code: 'tenant_denied' } }
  expect(
    await twinkey.authenticate(request, {
      tenant: ({ url }) => url.split('/').at(-2),
      workflow: 'flows.read',
    }),
  ).toMatchObject(refused)
  expect(
    await twinkey.authenticate(request, { tenant: 'operators', workflow: 'keys.manage' }),
  ).toMatchObject(refused)
})

describe('docs/writing-a-profile.md', () => {
  test('has a profile that reads its headers and no others, and answers in its own form', async () => {
    const { acmeProfile } = await load<{ acmeProfile(): Twinkey.Profile }>(
      blockWith('writing-a-profile', 'acmeProfile()'),
    )
    const twinkey = createTwinkey({ environments: ['production'] })
    const { primary } = await twinkey.keys.create({
      name: 'Orders',
      scope: { tenants: ['a1', 'a2'], workflows: '*' },
    })
    const handler = requireAuth(twinkey, { profile: acmeProfile() }, (_request, { tenant }) =>
      Response.json({ tenant }),
    )
    const call = async (headers: Record<string, string>) => {
      const response = await handler(new Request('http://localhost/', { headers }))
      return {
        status: response.status,
        challenge: response.headers.get('www-authenticate'),
        ...((await response.json()) as object),
      }
    }
    expect(await call({ 'x-acme-key': primary, 'x-acme-account': 'a1' })).toEqual({
      status: 200,
      challenge: null,
      tenant: 'a1',
    })
    expect(await call({})).toMatchObject({
      status: 401,
      error: 'credential_missing',
      challenge: 'ApiKey realm="acme"',
    })
    expect(await call({ 'x-api-key': primary, authorization: `Bearer ${primary}` })).toMatchObject({
      error: 'credential_missing',
    })
    expect(await call({ 'x-acme-key': `${primary}, ${primary}` })).toMatchObject({
      status: 400,
      error: 'credential_ambiguous',
    })
    expect(await call({ 'x-acme-key': primary, 'x-acme-account': 'a3' })).toMatchObject({
      status: 403,
      error: 'tenant_denied',
    })
    expect(await call({ 'x-acme-key': primary })).toMatchObject({
      status: 400,
      error: 'target_missing',
    })
  })
})

describe('docs/rotation.md', () => {
  type Made = {
    idleSlot(key: Twinkey.ApiKey, now?: number): Twinkey.Slot | undefined
    renewIdle(twinkey: Twinkey.Twinkey, id: string): Promise<string>
  }
  const DAY = 24 * 3_600_000

  test('takes an idle slot, and none if both are in use or new', async () => {
    const { idleSlot } = await load<Made>(blockWith('rotation', 'idleSlot('))
    const clock = createTestClock()
    const twinkey = createTwinkey({ now: clock.now })
    const { key, primary, secondary } = await twinkey.keys.create({
      name: 'Any',
      scope: { tenants: ['t1'], workflows: '*' },
    })
    const used = async (...secrets: (string | null)[]) => {
      for (const secret of secrets)
        await requireAuth(twinkey, {}, () => new Response())(requestWith(secret ?? ''))
      await twinkey.flush()
      return (await twinkey.keys.get(key.id)) as Twinkey.ApiKey
    }
    expect(idleSlot(key, clock.now())).toBeUndefined()
    clock.advance(DAY + 1000)
    expect(idleSlot(await used(primary), clock.now())).toBe('secondary')
    expect(idleSlot(await used(secondary), clock.now())).toBeUndefined()
    clock.advance(DAY + 1000)
    expect(idleSlot(await used(secondary), clock.now())).toBe('primary')
    const { primary: secret } = await twinkey.keys.renew(key.id, { slots: 'primary' })
    clock.advance(1000)
    expect(idleSlot(await used(), clock.now())).toBeUndefined()
    clock.advance(DAY + 1000)
    expect(idleSlot(await used(secret), clock.now())).toBe('secondary')
  })

  test('regenerates nothing if no slot is idle', async () => {
    const { renewIdle } = await load<Made>(blockWith('rotation', 'idleSlot('))
    const twinkey = createTwinkey()
    const { key, primary, secondary } = await twinkey.keys.create({
      name: 'Any',
      scope: { tenants: ['t1'], workflows: '*' },
    })
    await expect(renewIdle(twinkey, key.id)).rejects.toThrow('Both secrets are new or in use.')
    for (const secret of [primary, secondary])
      expect(await twinkey.keys.verify(secret ?? '')).toMatchObject({ ok: true })
  })
})

describe('docs/managing.md', () => {
  test('has the routes of the management API, and no others', () => {
    const rows = readGuide('managing').matchAll(/^\| (`(?:GET|POST|PATCH|DELETE) .+?) \| /gm)
    const named = [...rows].flatMap(([, cell = '']) => {
      const [method] = /[A-Z]+/.exec(cell) ?? []
      const paths = [...cell.matchAll(/`(?:([A-Z]+) )?(\/[^`]+)`/g)]
      const [, , first = ''] = paths[0] ?? []
      return paths.map(([, own, path = '']) =>
        own === undefined
          ? `${method} ${first.replace(/[^/]+$/, path.slice(1))}`
          : `${own} ${path}`,
      )
    })
    const routes = [
      ...ROUTES.map(({ method, path }) => `${method} ${path}`),
      'GET /session',
      'GET /openapi.json',
    ]
    expect(named.sort()).toEqual(routes.sort())
  })
})

interface Place {
  id: string
  at: number
  labels: string[]
  json: string
}

describe('the store of docs/writing-a-store.md', async () => {
  type Made = { tableStore(tables: unknown): Twinkey.KeyStore }
  const { tableStore } = await load<Made>(
    blocksOf('writing-a-store', 'ts').find((text) => text.includes('tableStore')) ?? '',
  )
  const records = new Map<string, Place & { version: number; uses: Record<string, number> }>()
  const history = new Map<string, Place>()
  const inOrder = (rows: Iterable<Place>) => [...rows].sort(comparePositions)
  const tables = {
    read: async (id: string) => structuredClone(records.get(id)),
    async change(
      id: string,
      expected: number | null,
      record: (Place & { version: number }) | null,
      entry: Place | null,
    ) {
      const row = records.get(id)
      if ((row?.version ?? null) !== expected) return false
      if (record === null) records.delete(id)
      else records.set(id, { ...record, id, uses: row?.uses ?? {} })
      if (entry !== null) history.set(entry.id, entry)
      return true
    },
    async scan(
      table: 'records' | 'history',
      label: string,
      sort: 'newest' | 'oldest',
      after: Position | undefined,
      limit: number,
    ) {
      const sign = sort === 'oldest' ? 1 : -1
      const all: Iterable<Place> = (table === 'records' ? records : history).values()
      const rows = [...all].filter(
        (row) => row.labels.includes(label) && (!after || comparePositions(row, after) * sign > 0),
      )
      rows.sort((a, b) => comparePositions(a, b) * sign)
      return structuredClone(rows.slice(0, limit))
    },
    async forget(before: number, limit: number) {
      const old = inOrder(history.values()).filter(({ at }) => at < before)
      for (const { id } of old.slice(0, limit)) history.delete(id)
      return Math.min(old.length, limit)
    },
    async use(keyId: string, secretId: string, usedAt: number) {
      const row = records.get(keyId)
      if (row !== undefined) row.uses[secretId] = Math.max(usedAt, row.uses[secretId] ?? 0)
    },
  }
  test.each(storeContract.map(({ name, run: check }) => [name, check] as const))(
    '%s',
    (_name, check) => check(async () => tableStore(tables)),
  )
})

test('the function of docs/stores.md moves records with their last uses, so that secrets stay valid', async () => {
  const { move } = await load<{
    move(from: Twinkey.KeyStore, to: Twinkey.KeyStore): Promise<number>
  }>(blockWith('stores', 'function move('))
  const [from, to] = [memoryStore(), memoryStore()]
  const before = createTwinkey({ store: from })
  const { key, primary } = await before.keys.create({
    name: 'Moved',
    scope: { tenants: ['t1'], workflows: '*' },
  })
  for (let i = 0; i < 150; i++)
    await before.keys.create({
      name: `Key ${i}`,
      scope: { tenants: ['t1'], workflows: '*' },
      secondary: false,
    })
  await from.recordUse([{ keyId: key.id, secretId: key.primary.id, usedAt: 1_767_225_600_000 }])

  expect(await move(from, to)).toBe(151)
  expect(await move(from, to)).toBe(0)
  const after = createTwinkey({ store: to })
  expect((await after.keys.get(key.id))?.primary.lastUsedAt).toBe(1_767_225_600_000)
  expect(await after.keys.verify(primary)).toMatchObject({ ok: true, slot: 'primary' })
})

function requestWith(secret: string): Request {
  return new Request('http://localhost/', { headers: { 'x-api-key': secret } })
}
