import fc from 'fast-check'
import type { KeyStore } from 'twinkey'
import { expect, test } from 'vitest'
import { errorCodeOf } from '../../support/faults.ts'
import { rounds } from '../../support/rounds.ts'
import { createManagement, inProcess, keyOf, SCOPE } from './scene.ts'

const NEW = { name: 'new', scope: SCOPE }

function createScene(...given: Parameters<typeof createManagement>) {
  const scene = createManagement(...given)
  const send = inProcess(scene)
  const create = (idempotencyKey: string | undefined, body: object = NEW, user = 'ada') =>
    send({
      method: 'POST',
      path: '/keys',
      user,
      body,
      headers: { 'idempotency-key': idempotencyKey },
    })
  const keys = async () => (await scene.twinkey.keys.list()).keys
  return { ...scene, send, create, keys }
}

test('a repeated request creates no second key, and shows no secret', async () => {
  const { create, keys } = createScene()
  const first = await create('one')
  const again = await create('one', { scope: SCOPE, name: 'new' })
  expect([first.status, again.status]).toEqual([201, 200])
  expect(again.json).toMatchObject({
    key: { id: first.json.key.id },
    primary: null,
    secondary: null,
    code: 'secret_not_shown_again',
  })
  expect(await keys()).toHaveLength(1)
  expect(first.json.key.id).toMatch(/^[0-9A-Za-z]{16}$/)
})

test('the same header with another body is a conflict', async () => {
  const { create, keys } = createScene()
  await create('one')
  const other = await create('one', { ...NEW, name: 'other' })
  expect([other.status, other.json.code]).toEqual([409, 'idempotency_conflict'])
  expect(await keys()).toHaveLength(1)
})

test('another caller with the same header gets another key', async () => {
  const { create, keys } = createScene()
  await create('one')
  expect((await create('one', NEW, 'grace')).status).toBe(201)
  expect((await create('one', NEW, 'operator')).status).toBe(201)
  expect((await create('two')).status).toBe(201)
  expect(await keys()).toHaveLength(4)
})

test.each(['none', 'owner', 'tenant'] as const)(
  'of 20 requests at once, one creates the key, with unique names: %s',
  async (unique) => {
    const { create, keys } = createScene(
      undefined,
      unique === 'none' ? {} : { uniqueNames: unique },
    )
    const answers = await Promise.all(Array.from({ length: 20 }, () => create('one')))
    const found = await keys()
    expect(found).toHaveLength(1)
    const shown = answers.filter(({ json }) => json.primary)
    expect(shown.length).toBeGreaterThan(0)
    for (const { status, json } of answers.filter(({ json: { key } }) => key !== undefined))
      expect([status === 200 || status === 201, json.key.id]).toEqual([true, found[0]?.id])
    if (unique === 'none') expect(shown).toHaveLength(1)
  },
)

test('a request whose outcome was unknown is repeated without a second key', async () => {
  const { create, keys, spy } = createScene()
  let failures = 2
  const lost: KeyStore['put'] = async (...args) => {
    const outcome = await spy.inner.put(...args)
    if (failures-- > 0) throw new Error('the connection broke after the write')
    return outcome
  }
  spy.override({ put: lost, get: async () => Promise.reject(new Error('down')) })
  const answer = await create('one')
  spy.override({})
  expect(answer.status).toBe(503)
  const again = await create('one')
  expect([200, 201]).toContain(again.status)
  expect(await keys()).toHaveLength(1)
})

test('a deleted key can be created anew, and a forgotten history does no harm', async () => {
  const { create, keys, twinkey, clock } = createScene()
  const { json } = await create('one')
  await twinkey.keys.delete(json.key.id)
  const anew = await create('one', { ...NEW, name: 'other' })
  expect([anew.status, anew.json.key.id]).toEqual([201, json.key.id])
  expect((await create('one')).status).toBe(409)
  clock.advance(1000)
  await twinkey.keys.forgetHistory(clock.now())
  expect((await create('one')).json.code).toBe('secret_not_shown_again')
  expect(await keys()).toHaveLength(1)
})

test('the entries of a key that is created again are in order, even if the clock is not', async () => {
  const { create, twinkey, clock } = createScene()
  for (let i = 0; i < 10; i++) {
    const { status, json } = await create('one', { ...NEW, name: `key ${i}` })
    expect(status).toBe(201)
    expect((await create('one', { ...NEW, name: 'other' })).status).toBe(409)
    expect((await create('one', { ...NEW, name: `key ${i}` })).status).toBe(200)
    clock.advance(-1000)
    await twinkey.keys.delete(json.key.id)
  }
})

test('a repeated request is answered after the time that it asks for, and under a new policy', async () => {
  const { create, clock } = createScene()
  const body = { ...NEW, expiresAt: clock.now() + 1000 }
  const { json } = await create('one', body)
  clock.advance(2000)
  const again = await create('one', body)
  expect([again.status, again.json.key.id]).toEqual([200, json.key.id])
  expect((await create('two', body)).status).toBe(400)
})

test.each([
  ['an owner that is no text', { owner: 1n }],
  ['metadata that is no JSON', { metadata: { a: 1n } }],
])('createOnce refuses %s', async (_row, more) => {
  const { twinkey, keys } = createScene()
  const input = { ...NEW, ...more } as never
  expect(await errorCodeOf(() => twinkey.keys.createOnce(input, 'one'))).toBe('invalid_input')
  expect(await keys()).toEqual([])
})

test('a policy holds for new and changed keys', async () => {
  const policy = {
    maxKeys: 3,
    defaultExpiresInSeconds: 60,
    maxExpiresInSeconds: 3600,
    secrets: 2,
  } as const
  const { create, send, clock } = createScene(policy)
  const { json } = await create(undefined)
  expect(json.key.expiresAt).toBe(clock.now() + 60_000)
  const path = `/keys/${json.key.id}`
  const refused = [
    await create(undefined, { ...NEW, expiresAt: null }),
    await create(undefined, { ...NEW, expiresAt: clock.now() + 3_700_000 }),
    await create(undefined, { ...NEW, secondary: false }),
    await send({ method: 'PATCH', path, user: 'ada', body: { expiresAt: null } }),
    await send({ method: 'PATCH', path, user: 'ada', body: { expiresAt: '2100-01-01T00:00:00Z' } }),
  ]
  for (const answer of refused)
    expect([answer.status, answer.json.code]).toEqual([403, 'not_grantable'])
  const inTime = { expiresAt: clock.now() + 3_600_000 }
  expect((await send({ method: 'PATCH', path, user: 'ada', body: inTime })).status).toBe(200)
  expect((await send({ path: '/session', user: 'ada' })).json.policy).toEqual(policy)
})

test('no race leaves more keys than the policy allows', async () => {
  const { create, keys, twinkey } = createScene({ maxKeys: 3 })
  await create('kept')
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => create(`${i}`)))
  expect((await keys()).length).toBeLessThanOrEqual(3)
  const refused = answers.filter(({ status }) => status !== 201)
  expect(new Set(refused.map(({ json }) => json.code))).toEqual(new Set(['key_limit_reached']))
  expect((await create('kept')).json.code).toBe('secret_not_shown_again')
  expect((await create(undefined, NEW, 'grace')).status).toBe(201)
  for (const { id, owner } of await keys()) if (owner === 'ada') await twinkey.keys.revoke(id)
  expect((await create('later')).status).toBe(201)
})

test('one secret stays one secret', async () => {
  const { create, send } = createScene({ secrets: 1 })
  const { json } = await create(undefined)
  expect(json.secondary).toBeNull()
  const post = (verb: string, body: object) =>
    send({ method: 'POST', path: `/keys/${json.key.id}/${verb}`, user: 'ada', body })
  expect((await post('renew', { slots: 'both' })).status).toBe(403)
  expect((await post('renew', { slots: 'primary' })).status).toBe(200)
  expect((await post('rotate', { graceSeconds: 60 })).status).toBe(200)
  for (const slots of ['secondary', 'both'])
    expect((await post('renew', { slots })).json.code).toBe('not_grantable')
})

// Two owners, and somebody who sees one tenant, with the ids of each other.
const CALLS = rounds(10_000)

test(`${CALLS} random calls of others tell no more than "not found", and change nothing`, async () => {
  const scene = createScene()
  const { send, spy, twinkey } = scene
  const made = await Promise.all([
    keyOf(scene, 'ada'),
    keyOf(scene, 'ada'),
    keyOf(scene, 'grace'),
    keyOf(scene, 'grace', { scope: { ...SCOPE, tenants: ['globex'] } }),
  ])
  await twinkey.keys.disable(made[1].key.id)
  const seenBy = (user: string) => (owner: string | null, tenant: unknown) =>
    user === 'tenant' ? tenant === 'acme' : owner === user
  const arbitrary = fc.record({
    user: fc.constantFrom('ada', 'grace', 'tenant'),
    key: fc.constantFrom(...made.map(({ key }) => key)),
    route: fc.constantFrom(
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/enable'],
      ['POST', '/disable'],
      ['POST', '/revoke'],
      ['POST', '/rotate'],
      ['POST', '/renew'],
      ['DELETE', '/secrets/secondary'],
      ['GET', '/history'],
      ['GET', '/history?limit=1'],
      ['GET', '/usage'],
      ['GET', '?x=1'],
    ),
    body: fc.oneof(
      fc.constantFrom({}, { slots: 'both' }, { slots: 'x' }, { replace: 'secondary' }),
      fc.constantFrom({ name: 'x' }, { expiresAt: null }, { owner: 'ada' }, { scope: SCOPE }),
      fc.json(),
    ),
    tag: fc.constantFrom(undefined, '*', '"1"', 'x', `"${made[0].key.version}"`),
  })
  const stored = () => Promise.all(made.map(({ key }) => spy.inner.get(key.id)))
  const before = await stored()
  let foreign = 0
  await fc.assert(
    fc.asyncProperty(arbitrary, async ({ user, key, route: [method = '', rest], body, tag }) => {
      if (seenBy(user)(key.owner, key.scope.tenants[0])) return
      foreign++
      const of = (id: string) =>
        send({
          user,
          method,
          path: `/keys/${id}${rest}`,
          ...(method === 'GET' ? {} : { body, headers: { 'if-match': tag } }),
        })
      const [answer, unknown] = [await of(key.id), await of('u'.repeat(16))]
      expect(answer).toEqual(unknown)
      expect([400, 404]).toContain(answer.status)
    }),
    { numRuns: CALLS },
  )
  expect(foreign).toBeGreaterThan(CALLS / 4)
  expect(await stored()).toEqual(before)
})
