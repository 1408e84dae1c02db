import { expiring, unused } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { createBench } from '../../support/bench.ts'
import { errorCodeOf } from '../../support/faults.ts'
import { allOf, DAY, describeReminders, SCOPE } from './reminders-suite.ts'

// reminders.interop.test.ts has PostgreSQL.
describeReminders(['memory', 'SQLite', 'Redis'])

describe('expiring', () => {
  async function createScene() {
    const bench = createBench()
    const { keys } = bench.twinkey
    const from = bench.clock.now()
    const dueIn = (days: number, more: object = {}) =>
      allOf(expiring(keys, { from, to: from + days * DAY, secondsBefore: [86_400], ...more }))
    return { ...bench, keys, from, dueIn }
  }

  it('reports from the beginning of the period on, and before its end', async () => {
    const { keys, from } = await createScene()
    await keys.create({ name: 'n', scope: SCOPE, expiresAt: from + 2 * DAY })
    const dueAt = from + DAY
    const count = async (start: number, to: number) =>
      (await allOf(expiring(keys, { from: new Date(start), to, secondsBefore: [86_400] }))).length
    expect(await count(dueAt, dueAt + 1)).toBe(1)
    expect(await count(dueAt - 1, dueAt)).toBe(0)
    expect(await count(dueAt + 1, dueAt + 2)).toBe(0)
    expect(await count(dueAt, dueAt)).toBe(0)
  })

  it('skips disabled and revoked keys, and reports keys that have ended since', async () => {
    const { keys, from, dueIn, clock } = await createScene()
    const created = []
    for (const name of ['disabled', 'revoked', 'ended'])
      created.push((await keys.create({ name, scope: SCOPE, expiresAt: from + 2 * DAY })).key)
    await keys.disable(created[0]?.id as string)
    await keys.revoke(created[1]?.id as string)
    clock.advance(5 * DAY)
    expect((await dueIn(5)).map(({ key }) => [key.name, key.state])).toEqual([['ended', 'expired']])
  })

  it('reports a new end by its own thresholds', async () => {
    const { keys, from, dueIn } = await createScene()
    const { key } = await keys.create({ name: 'n', scope: SCOPE, expiresAt: from + 2 * DAY })
    await keys.update(key.id, { expiresAt: from + 20 * DAY })
    expect(await dueIn(10)).toEqual([])
    expect((await dueIn(20)).map(({ endsAt }) => endsAt)).toEqual([from + 20 * DAY])
  })

  it('sees no more than a limited keyring', async () => {
    const { keys, from, twinkey } = await createScene()
    for (const owner of ['ada', 'bob'])
      await keys.create({ name: owner, owner, scope: SCOPE, expiresAt: from + DAY })
    const ofAda = twinkey.keys.within({ actor: 'job', owner: 'ada' })
    const found = await allOf(expiring(ofAda, { from, to: from + 1, secondsBefore: [86_400] }))
    expect(found.map(({ key }) => key.name)).toEqual(['ada'])
  })

  it('reports a threshold that is given twice once', async () => {
    const { keys, from, dueIn } = await createScene()
    await keys.create({ name: 'n', scope: SCOPE, expiresAt: from + 2 * DAY })
    expect(await dueIn(5, { secondsBefore: [3600, 3600] })).toHaveLength(1)
  })
})

describe('wrong input', () => {
  const { keys } = createBench().twinkey
  const PERIOD = { from: 1, to: 2 }
  it.each([
    ['nothing', undefined],
    ['no period', { secondsBefore: [1] }],
    ['a period that ends before it begins', { from: 2, to: 1, secondsBefore: [1] }],
    ['a date that is none', { from: new Date('x'), to: 1, secondsBefore: [1] }],
    ['no thresholds', PERIOD],
    ['an empty list', { ...PERIOD, secondsBefore: [] }],
    ['eleven thresholds', { ...PERIOD, secondsBefore: Array.from({ length: 11 }, (_, i) => i) }],
    ['a negative threshold', { ...PERIOD, secondsBefore: [-1] }],
    ['a fraction', { ...PERIOD, secondsBefore: [0.5] }],
    ['an unknown member', { ...PERIOD, secondsBefore: [1], before: [1] }],
    ['an unknown kind', { ...PERIOD, secondsBefore: [1], of: 'secrets' }],
  ])('of expiring is refused: %s', async (_, input) => {
    expect(await errorCodeOf(async () => expiring(keys, input as never))).toBe('invalid_input')
  })

  it.each([
    ['nothing', undefined],
    ['no period', { afterSeconds: 60 }],
    ['no time', PERIOD],
    ['less than a minute', { ...PERIOD, afterSeconds: 59 }],
    ['a filter', { ...PERIOD, afterSeconds: 60, tenant: 'acme' }],
  ])('of unused is refused: %s', async (_, input) => {
    expect(await errorCodeOf(async () => unused(keys, input as never))).toBe('invalid_input')
  })
})
