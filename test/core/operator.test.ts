import { createTwinkey, isTwinkeyError, memoryStore, param, type TwinkeyEvent } from 'twinkey'
import { describe, expect, test } from 'vitest'
import { spyStore } from '../support/spy-store.ts'

// What an operator or the author of a store needs to find out what is wrong.

async function faultOf(call: Promise<unknown>): Promise<{ code: string; message: string; cause: unknown }> {
  const error = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!isTwinkeyError(error)) throw new Error('no fault')
  return { code: error.code, message: error.message, cause: error.cause }
}

describe('the fault store_malformed names the call and the member, and no value', () => {
  test.each([
    ['a version as text', { version: '12' }, 'get', 'version must be a whole number, and is another string'],
    ['a date', { createdAt: new Date() }, 'get', 'createdAt must be epoch milliseconds, and is another object'],
    ['no secondary', { secondary: undefined }, 'get', 'secondary must be a stored secret or null, and is missing'],
    ['no last uses', { lastUsedAt: undefined }, 'get', 'lastUsedAt must be an object of epoch milliseconds by secret id, and is missing'],
  ])('%s', async (_name, change, call, sentence) => {
    const spy = spyStore(memoryStore())
    const { keys } = createTwinkey({ store: spy.store })
    const { key } = await keys.create({ name: 'a', scope: { tenants: ['t'] } })
    spy.override({ get: async (id) => ({ ...(await spy.inner.get(id)), ...change }) as never })
    const fault = await faultOf(keys.update(key.id, { name: 'b' }))
    expect(fault.code).toBe('store_malformed')
    expect(fault.message).toContain(`answered to ${call} `)
    expect(fault.message).toContain(sentence)
  })

  test('null for a key that is not there', async () => {
    const spy = spyStore(memoryStore())
    spy.override({ get: async () => null as never })
    const { message } = await faultOf(createTwinkey({ store: spy.store }).keys.update('a', { name: 'b' }))
    expect(message).toContain('a record must be a plain object, and is null')
  })
})

test('the fault outcome_unknown has what the store threw as its cause', async () => {
  const spy = spyStore(memoryStore())
  spy.override({
    async put() {
      throw new Error('disk full')
    },
  })
  const { code, cause, message } = await faultOf(createTwinkey({ store: spy.store }).keys.create({ name: 'a', scope: { tenants: ['t'] } }))
  expect(message).toBe(
    'The store failed while it wrote, and whether the change was made cannot be told. Read the key when the store is back. The store failed: disk full',
  )
  expect([code, isTwinkeyError(cause) && cause.cause]).toEqual(['outcome_unknown', new Error('disk full')])
})

test('the event of a refusal tells the axis, and a parameter that the guard cannot see from one that the caller spoilt', async () => {
  const events: TwinkeyEvent[] = []
  const twinkey = createTwinkey({ onEvent: (event) => events.push(event) })
  const { primary } = await twinkey.keys.create({ name: 'a', scope: { tenants: ['t'], workflows: ['x'] } })
  const request = new Request('http://localhost/', { headers: { authorization: `Bearer ${primary}` } })
  await twinkey.authenticate(request)
  await twinkey.authenticate(request, { tenant: param('tenant'), workflow: 'x' })
  await twinkey.authenticate(request, { tenant: () => 'a\u0000', workflow: 'x' })
  expect(events.filter(({ type }) => type === 'access.refused')).toMatchObject([
    { code: 'target_missing', reason: 'not_named', axis: 'workflow' },
    { code: 'request_malformed', reason: 'parameter_unseen' },
    { code: 'request_malformed', reason: 'not_readable' },
  ])
})

test('a fixed name that looks like a parameter is refused when the route is made', async () => {
  const { requireAuth } = await import('twinkey/express')
  expect(() => requireAuth(createTwinkey(), { tenant: ':tenant' })).toThrow('param()')
})
