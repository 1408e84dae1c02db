import type { DeploymentPolicies, KeyPolicy, UniqueNames } from 'twinkey'
import { memoryStore } from 'twinkey'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Backend, openStore, startBackend } from '../../../benchmarks/experiments/backend.ts'
import { rounds } from '../../support/rounds.ts'
import { createManagement, inProcess, SCOPE } from './scene.ts'

const NEW = { name: 'new', scope: SCOPE }
const REPEATS = rounds(100)
const RACERS = rounds(20)

// The promises about repeated requests and limits, on every store.
describe.each(['memory', 'postgres', 'redis', 'sqlite'] as const)('on %s', (kind) => {
  let backend: Backend | undefined
  let users = 0
  const closing: (() => Promise<void>)[] = []

  beforeAll(async () => {
    if (kind !== 'memory') backend = await startBackend(kind, 'in the kernel')
  })
  afterAll(async () => {
    await Promise.all(closing.map((close) => close()))
    await backend?.stop()
  })

  async function createScene(
    policy?: KeyPolicy,
    uniqueNames?: UniqueNames,
    policies: DeploymentPolicies = {},
  ) {
    const opened = backend && (await openStore(backend.address, { feed: false }))
    if (opened !== undefined) closing.push(opened.close)
    const store = opened?.store ?? memoryStore()
    const scene = createManagement(policy, {
      store,
      policies,
      // These tests are about races. A busy machine must not add failures of the store.
      deadlineSeconds: 30,
      ...(uniqueNames && { uniqueNames }),
    })
    const send = inProcess(scene)
    const user = `user-${users++}`
    const create = (idempotencyKey: string, more: object = {}) =>
      send({
        method: 'POST',
        path: '/keys',
        user,
        body: { ...NEW, ...more },
        headers: { 'idempotency-key': idempotencyKey },
      })
    const keys = async () => (await scene.twinkey.keys.list({ owner: user })).keys
    return { ...scene, send, user, create, keys }
  }

  test.each<[policy: KeyPolicy | undefined, uniqueNames: UniqueNames | undefined]>([
    [undefined, undefined],
    [undefined, 'owner'],
    [{ maxKeys: 1 }, undefined],
    [{ maxKeys: 1 }, 'owner'],
  ])(
    `${REPEATS} repetitions at once create one key, with %j and unique names: %s`,
    async (policy, unique) => {
      const { create, keys } = await createScene(policy, unique)
      const answers = await Promise.all(Array.from({ length: REPEATS }, () => create('one')))
      const [key, ...others] = await keys()
      expect(others).toEqual([])
      const shown = answers.filter(({ status }) => status === 201)
      const repeated = answers.filter(({ json }) => json.code === 'secret_not_shown_again')
      expect([shown.length, repeated.length]).toEqual([1, REPEATS - 1])
      for (const { json } of answers) expect(json.key.id).toBe(key?.id)
    },
  )

  test.each<[policy: KeyPolicy, policies: DeploymentPolicies]>([
    [{ maxKeys: 3 }, {}],
    [{ maxKeys: 4 }, { maxKeysPerOwner: 3 }],
  ])(
    'when calls race for the last places under %j and %j, exactly as many succeed',
    async (...rules) => {
      const { create, keys } = await createScene(rules[0], undefined, rules[1])
      expect((await create('kept')).status).toBe(201)
      const answers = await Promise.all(Array.from({ length: RACERS }, (_, i) => create(`${i}`)))
      const created = answers.filter(({ status }) => status === 201)
      expect(created).toHaveLength(2)
      const ids = (await keys()).map(({ id }) => id)
      expect(ids).toHaveLength(3)
      for (const { json } of created) expect(ids).toContain(json.key.id)
      for (const { status, json } of answers)
        if (status !== 201) expect([status, json.code]).toEqual([403, 'key_limit_reached'])
    },
  )

  test('a repeated call finds a revoked key, and creates a deleted key again', async () => {
    const { create, keys, send, user } = await createScene({ maxKeys: 1 })
    const { json } = await create('one')
    const path = `/keys/${json.key.id}`
    expect((await send({ method: 'POST', path: `${path}/revoke`, user })).status).toBe(200)
    expect((await create('one')).json).toMatchObject({ key: { id: json.key.id, state: 'revoked' } })
    expect((await create('one', { name: 'other' })).json.code).toBe('idempotency_conflict')
    expect((await create('two')).status).toBe(201)
    expect((await send({ method: 'DELETE', path, user })).status).toBe(204)
    expect((await create('one')).json.code).toBe('key_limit_reached')
    expect(await keys()).toHaveLength(1)
  })

  test('a policy holds for each change', async () => {
    const { create, send, user, clock } = await createScene({
      maxExpiresInSeconds: 3600,
      secrets: 1,
    })
    const { json } = await create('one')
    expect(json).toMatchObject({ secondary: null, key: { expiresAt: clock.now() + 3_600_000 } })
    const change = (method: string, path: string, body: object) =>
      send({ method, path: `/keys/${json.key.id}${path}`, user, body })
    for (const refused of [
      await create('two', { expiresAt: null }),
      await create('three', { secondary: true }),
      await change('PATCH', '', { expiresAt: null }),
      await change('PATCH', '', { expiresAt: clock.now() + 4_000_000 }),
      await change('POST', '/renew', { slots: 'both' }),
    ])
      expect([refused.status, refused.json.code]).toEqual([403, 'not_grantable'])
  })
})
