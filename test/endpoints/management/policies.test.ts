import type { KeyPolicy, TwinkeyOptions } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { managementEndpoints } from 'twinkey/management'
import { describe, expect, test } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { createManagement, inProcess, keyOf, SCOPE } from './scene.ts'

const NEW = { name: 'new', scope: SCOPE }
const FEW = [{ requests: 5, perSeconds: 60 }]
const MANY = [{ name: 'many', requests: 500, per: 'day' }] as const
const OFFICE = ['192.0.2.0/24']

function createScene(policy?: KeyPolicy, more: TwinkeyOptions = {}) {
  const scene = createManagement(policy, { limiter: memoryLimiter(), ...more })
  return { ...scene, send: inProcess(scene) }
}

describe('limits and networks over the management API', () => {
  test.each<[user: string, policy: KeyPolicy | undefined, body: object, status: number]>([
    ['operator', undefined, { limits: FEW, networks: OFFICE, tokens: true }, 201],
    ['operator', undefined, { limits: [], networks: null }, 201],
    ['ada', undefined, { limits: null, networks: OFFICE }, 201],
    ['ada', undefined, { limits: FEW }, 403],
    ['tenant', undefined, { limits: [] }, 403],
    ['ada', { limits: FEW }, { limits: FEW }, 201],
    ['ada', { limits: FEW }, { limits: MANY }, 403],
    ['ada', { networks: OFFICE }, { networks: ['192.0.2.7/32'] }, 201],
    ['ada', { networks: OFFICE }, { networks: null }, 403],
    ['operator', undefined, { limits: 5 }, 400],
    ['operator', undefined, { limits: [{ requests: 0, per: 'day' }] }, 400],
    ['operator', undefined, { limits: [{ requests: 5, per: 'day', cost: 1 }] }, 400],
    ['operator', undefined, { networks: '192.0.2.0/24' }, 400],
    ['operator', undefined, { networks: ['192.0.2.1/24'] }, 400],
  ])('%s under the policy %j creates a key with %j: %i', async (user, policy, body, status) => {
    const { send } = createScene(policy)
    const answer = await send({ method: 'POST', path: '/keys', user, body: { ...NEW, ...body } })
    expect(answer.status).toBe(status)
    if (status === 201) expect(answer.json.key).toMatchObject(body)
    else expect(answer.json.code).toBe(status === 403 ? 'not_grantable' : 'invalid_input')
  })

  test.each<[user: string, body: object, status: number]>([
    ['operator', { limits: MANY, networks: null }, 200],
    ['ada', { limits: null }, 403],
    ['ada', { networks: null }, 403],
    ['ada', { networks: ['192.0.2.7/32'] }, 200],
    ['ada', { tokens: true }, 403],
  ])('%s changes a key by %j: %i', async (user, body, status) => {
    const scene = createScene()
    const { key } = await keyOf(scene, 'ada', { limits: FEW, networks: OFFICE })
    const answer = await scene.send({ method: 'PATCH', path: `/keys/${key.id}`, user, body })
    expect(answer.status).toBe(status)
    expect(answer.json).toMatchObject(status === 200 ? body : { code: 'not_grantable' })
  })

  test('the history shows each change', async () => {
    const { send } = createScene()
    const made = await send({ method: 'POST', path: '/keys', user: 'operator', body: NEW })
    const path = `/keys/${made.json.key.id}`
    const body = { limits: FEW, networks: OFFICE, tokens: true }
    await send({ method: 'PATCH', path, user: 'operator', body })
    const { json } = await send({ path: `${path}/history?limit=1`, user: 'operator' })
    expect(json.entries[0].changes).toEqual({ limits: [null, FEW], networks: [null, OFFICE] })
  })
})

describe('GET /keys/:id/usage', () => {
  test('tells what is left of each limit', async () => {
    const scene = createScene()
    const { key } = await keyOf(scene, 'ada', { limits: MANY })
    const { status, headers, json } = await scene.send({
      path: `/keys/${key.id}/usage`,
      user: 'ada',
    })
    expect([status, headers['cache-control'], headers['etag']]).toEqual([
      200,
      'no-store',
      undefined,
    ])
    const resetsAt = Date.UTC(2026, 0, 2)
    expect(json).toEqual({ limits: [{ limit: MANY[0], remaining: 500, resetsAt }] })
  })

  test('is empty without limits, and 404 for a key of somebody else', async () => {
    const scene = createScene()
    const path = `/keys/${(await keyOf(scene, 'ada')).key.id}/usage`
    expect((await scene.send({ path, user: 'ada' })).json).toEqual({ limits: [] })
    const unknown = await scene.send({ path: `/keys/${'u'.repeat(16)}/usage`, user: 'grace' })
    expect(await scene.send({ path, user: 'grace' })).toEqual(unknown)
    expect([unknown.status, unknown.json.code]).toEqual([404, 'key_not_found'])
  })

  test('is 503 if the limiter fails, and only operators learn why', async () => {
    const read = () => {
      throw new Error('password of db.internal is wrong')
    }
    const scene = createScene(undefined, { limiter: { ...memoryLimiter(), read } })
    const { key } = await keyOf(scene, 'ada', { limits: FEW })
    scene.events.length = 0
    const answer = await scene.send({ path: `/keys/${key.id}/usage`, user: 'ada' })
    expect([answer.status, answer.json.code]).toEqual([503, 'limiter_unavailable'])
    expect(answer.text).not.toContain('db.internal')
    expect(scene.events.map(({ type }) => type)).toEqual(['warning.limiter_unavailable'])
  })
})

describe('GET /session', () => {
  const policies = { maxExpiresInSeconds: 3600, maxKeysPerOwner: 5, limits: FEW }
  test.each<[user: string, policy: KeyPolicy | undefined, shown: object]>([
    ['ada', undefined, { maxKeys: 5, maxExpiresInSeconds: 3600 }],
    ['ada', { maxKeys: 9, secrets: 1 }, { maxKeys: 5, maxExpiresInSeconds: 3600, secrets: 1 }],
    [
      'ada',
      { maxKeys: 2, defaultExpiresInSeconds: 7200, maxExpiresInSeconds: 9000 },
      { maxKeys: 2, defaultExpiresInSeconds: 3600, maxExpiresInSeconds: 3600 },
    ],
    [
      'ada',
      { limits: [...MANY], networks: OFFICE },
      { maxKeys: 5, maxExpiresInSeconds: 3600, limits: MANY, networks: OFFICE },
    ],
    // Its keys have no owner.
    ['operator', { maxKeys: 9 }, { maxKeys: 9, maxExpiresInSeconds: 3600 }],
    ['tenant', undefined, { maxExpiresInSeconds: 3600 }],
  ])('shows %s under the policy %j what holds: %j', async (user, policy, shown) => {
    const { send } = createScene(policy, { policies })
    const { json } = await send({ path: '/session', user })
    expect(json.policy).toEqual(shown)
    expect([json.defaultLimits, json.hasLimiter]).toEqual([FEW, true])
  })

  test('says that there is no limiter', async () => {
    const { send } = createScene(undefined, { limiter: undefined })
    const { json } = await send({ path: '/session', user: 'ada' })
    expect([json.policy, json.defaultLimits, json.hasLimiter]).toEqual([{}, [], false])
  })
})

test('limits in the policy need a limiter', () => {
  const options = { authorize: () => undefined, policy: { limits: FEW } }
  expect(() => managementEndpoints(createBench().twinkey, options)).toThrow(
    /policy\.limits need a limiter that counts/,
  )
  managementEndpoints(createBench({ limiter: memoryLimiter() }).twinkey, options)
})
