import type { Limiter } from 'twinkey'
import { memoryLimiter } from 'twinkey/limits'
import { describe, expect, test } from 'vitest'
import { windowAt } from '../../../src/core/model/key-limit.ts'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'

const SCOPE = { tenants: ['t'], environments: '*', workflows: '*' } as const
const NEW = { name: 'n', scope: SCOPE, owner: 'ada' }
const OWN = { name: 'own', requests: 5, perSeconds: 60 }
const DEFAULT = { requests: 9, per: 'day' as const }

function createScene(limiter: Limiter = memoryLimiter()) {
  return createBench({ limiter, policies: { limits: [DEFAULT] }, deadlineSeconds: 0.02 })
}

test('usage returns what is left of the limits of a key, or of the default limits', async () => {
  const { twinkey, clock } = createScene()
  const resetsAt = clock.now() + 60_000
  const own = await twinkey.keys.create({ ...NEW, limits: [OWN] })
  expect(await twinkey.keys.usage(own.key.id)).toEqual([{ limit: OWN, remaining: 5, resetsAt }])
  const request = new Request('https://api.example/', { headers: { 'x-api-key': own.primary } })
  expect(await twinkey.authenticate(request, { anyTarget: true, cost: 2 })).toMatchObject({
    ok: true,
  })
  // Twice, because reading counts nothing.
  for (let i = 0; i < 2; i++)
    expect(await twinkey.keys.usage(own.key.id)).toEqual([{ limit: OWN, remaining: 3, resetsAt }])
  const other = await twinkey.keys.create(NEW)
  expect(await twinkey.keys.usage(other.key.id)).toEqual([
    { limit: DEFAULT, remaining: 9, resetsAt: windowAt(DEFAULT, clock.now()).endsAt },
  ])
})

test('usage is empty for a key without limits, and without a limiter', async () => {
  const bench = createScene()
  const { key } = await bench.twinkey.keys.create({ ...NEW, limits: [] })
  expect(await bench.twinkey.keys.usage(key.id)).toEqual([])
  const limited = await bench.twinkey.keys.create({ ...NEW, limits: [OWN] })
  const { keys } = bench.another({ limiter: undefined, policies: {} })
  expect(await keys.usage(limited.key.id)).toEqual([])
})

test('usage shows a limited keyring only its own keys', async () => {
  const { twinkey } = createScene()
  const { key } = await twinkey.keys.create(NEW)
  const of = (owner: string) => twinkey.keys.within({ actor: owner, owner })
  expect(await of('ada').usage(key.id)).toHaveLength(1)
  const codes = [
    await errorCodeOf(() => of('grace').usage(key.id)),
    await errorCodeOf(() => of('grace').usage('u'.repeat(16))),
    await errorCodeOf(() => twinkey.keys.usage('u'.repeat(16))),
    await errorCodeOf(() => twinkey.keys.usage('not an id')),
  ]
  expect(codes).toEqual(['key_not_found', 'key_not_found', 'key_not_found', 'invalid_input'])
})

describe('usage is limiter_unavailable if the limiter', () => {
  const limit = OWN
  test.each<[name: string, read: () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
    ['rejects', async () => Promise.reject(new Error('down'))],
    ['never answers', () => new Promise(() => {})],
    ['answers undefined', () => undefined],
    ['answers for no limit', () => []],
    ['answers for two limits', () => Array(2).fill({ limit, remaining: 1, resetsAt: 1 })],
    ['answers null for a limit', () => [null]],
    ['leaves out what remains', () => [{ limit, resetsAt: 1 }]],
    ['answers less than nothing', () => [{ limit, remaining: -1, resetsAt: 1 }]],
    ['answers a broken time', () => [{ limit, remaining: 1, resetsAt: 1.5 }]],
    ['answers a negative time', () => [{ limit, remaining: 1, resetsAt: -1 }]],
    ['answers no time', () => [{ limit, remaining: 1, resetsAt: Number.NaN }]],
  ])('%s', async (_name, read) => {
    const { twinkey, events } = createScene({ ...memoryLimiter(), read: read as Limiter['read'] })
    const { key } = await twinkey.keys.create({ ...NEW, limits: [OWN] })
    events.length = 0
    expect(await errorCodeOf(() => twinkey.keys.usage(key.id))).toBe('limiter_unavailable')
    expect(events).toEqual([expect.objectContaining({ type: 'warning.limiter_unavailable' })])
  })
})
