import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import type * as Twinkey from 'twinkey'
import { createTwinkey, hasValidChecksum, memoryStore, secretPattern, type Target } from 'twinkey'
import { comparePositions, type Position } from 'twinkey/store'
import { createTestClock, storeContract } from 'twinkey/testing'
import { requireAuth } from 'twinkey/web'
import { afterAll, describe, expect, test } from 'vitest'
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
    await expect(renewIdle(twinkey, key.id)).rejects.toThrow('No slot is idle')
    for (const secret of [primary, secondary])
      expect(await twinkey.keys.verify(secret ?? '')).toMatchObject({ ok: true })
  })
})

interface Answered {
  readonly key: Twinkey.ApiKey
  readonly primary: string
  readonly secondary: string
  readonly keys: readonly Twinkey.ApiKey[]
  readonly nextCursor?: string
}

describe('docs/managing.md', async () => {
  type Made = {
    keyRoutes(twinkey: Twinkey.Twinkey): express.Router
    STATUSES: Record<string, number>
  }
  const { keyRoutes, STATUSES } = await load<Made>(blockWith('managing', 'keyRoutes('))
  const { firstOperator } = await load<{
    firstOperator(twinkey: Twinkey.Twinkey): Promise<string>
  }>(blockWith('managing', 'firstOperator('))
  const actors: unknown[] = []
  // From dist, like the imports of the router: a guard rejects a requirement that another copy of
  // the package has checked.
  const installed = await load<typeof Twinkey>("export * from 'twinkey'")
  const twinkey = installed.createTwinkey({
    environments: ['production'],
    onEvent: (event) => void ('actor' in event && actors.push(event.actor)),
  })
  const operator = await firstOperator(twinkey)
  const server = express().use('/keys', keyRoutes(twinkey)).listen(0)
  await once(server, 'listening')
  afterAll(() => server.close())
  const call = async (method: string, path = '', body?: object, secret = operator) => {
    const headers = { 'x-api-key': secret, 'content-type': 'application/json' }
    const { port } = server.address() as AddressInfo
    const response = await fetch(`http://localhost:${port}/keys${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Answered }
  }

  test('has a router that lets operators manage keys, and refuses customers', async () => {
    const made = await call('POST', '', {
      name: 'Billing',
      scope: { tenants: ['t1'], workflows: '*' },
      actor: 'somebody else',
    })
    expect(made).toMatchObject({ status: 201, body: { key: { name: 'Billing' } } })
    const { key, primary, secondary } = made.body
    expect(await call('GET', '', undefined, primary)).toMatchObject({
      status: 403,
      body: { code: 'tenant_denied' },
    })
    expect(await call('GET', '?tenant=t1')).toMatchObject({
      status: 200,
      body: { keys: [{ id: key.id }] },
    })
    expect(await call('GET', '?tenants=t1')).toMatchObject({
      status: 400,
      body: { code: 'invalid_input' },
    })
    expect(await call('GET', `/${key.id}`)).toMatchObject({ status: 200, body: { id: key.id } })
    expect(await call('PATCH', `/${key.id}`, { name: 'Bills' })).toMatchObject({
      status: 200,
      body: { name: 'Bills' },
    })
    expect(await call('POST', `/${key.id}/renew`, { slots: 'tertiary' })).toMatchObject({
      status: 400,
      body: { code: 'invalid_input' },
    })
    const { body } = await call('POST', `/${key.id}/renew`, { slots: 'secondary' })
    expect(await twinkey.keys.verify(secondary)).toMatchObject({ ok: false })
    expect(await twinkey.keys.verify(body.secondary)).toMatchObject({ ok: true })
    expect(await call('POST', `/${key.id}/disable`)).toMatchObject({
      status: 200,
      body: { state: 'disabled' },
    })
    expect(await call('POST', `/${key.id}/enable`)).toMatchObject({
      status: 200,
      body: { state: 'active' },
    })
    expect(await call('DELETE', `/${key.id}`)).toMatchObject({
      status: 200,
      body: { state: 'revoked' },
    })
    expect(await call('POST', `/${key.id}/enable`)).toMatchObject({
      status: 409,
      body: { code: 'key_revoked' },
    })
    expect(await call('GET', '/nobody')).toMatchObject({ status: 404 })
    expect(await call('DELETE', '/nobody')).toMatchObject({
      status: 404,
      body: { code: 'key_not_found' },
    })
    const [keyId] = operator.replace(/^tk_/, '').match(/^.{16}/) ?? []
    expect(actors).toEqual(['set-up', ...Array(6).fill(keyId)])
  })

  test('forbids caches to store answers, which may hold secrets', async () => {
    const { port } = server.address() as AddressInfo
    const response = await fetch(`http://localhost:${port}/keys`, {
      headers: { 'x-api-key': operator },
    })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('lists keys in pages of the size that the query names', async () => {
    for (const name of ['One', 'Two', 'Three'])
      await call('POST', '', { name, scope: { tenants: ['paged'], workflows: '*' } })
    const names: string[] = []
    let cursor = ''
    for (let page = 1; page <= 3; page++) {
      const { status, body } = await call('GET', `?tenant=paged&limit=1${cursor}`)
      expect({ status, keys: body.keys.length }).toEqual({ status: 200, keys: 1 })
      names.push(...body.keys.map(({ name }) => name))
      cursor = `&cursor=${encodeURIComponent(body.nextCursor ?? '')}`
      expect(body.nextCursor === undefined).toBe(page === 3)
    }
    expect(names.sort()).toEqual(['One', 'Three', 'Two'])
    expect(await call('GET', '?limit=10&state=active')).toMatchObject({ status: 200 })
  })

  test.each([
    'limit=0',
    'limit=101',
    'limit=1.5',
    'limit=ten',
    'limit=',
    'limit=1&limit=2',
    'state=enabled',
    'tenant=t1&tenant=t2',
    'tenant=',
    'cursor=1&cursor=2',
    'sort=name',
  ])('refuses to list keys by ?%s', async (query) => {
    expect(await call('GET', `?${query}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_input' },
    })
  })

  test('answers each error with the status that docs/errors.md says', () => {
    const [, errors = ''] = /^## Errors\n([\s\S]*?)^## /m.exec(readGuide('errors')) ?? []
    const rows = [...errors.matchAll(/^\| `(\w+)` \| (\d+|none) \|/gm)].map(
      ([, code = '', status]) => [code, status],
    )
    expect(rows.length).toBeGreaterThanOrEqual(14)
    for (const [code = '', status] of rows)
      expect(`${code} ${STATUSES[code] ?? 500}`).toBe(`${code} ${status === 'none' ? 500 : status}`)
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
