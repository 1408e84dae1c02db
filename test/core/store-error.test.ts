import { createTwinkey, isTwinkeyError, type KeyStore, memoryStore, type TwinkeyEvent } from 'twinkey'
import { expect, it, test } from 'vitest'
import { showable } from '../../src/core/store-error.ts'

const DIGEST = 'sha-256:9mBw3vKx0QzL7tRn5YpJ2cHd8GfE1aVsUo4iXkT6ZbM'

/** The cause of the fault with which a call rejects. */
async function causeOf(call: Promise<unknown>): Promise<Error & { code?: unknown }> {
  const error = await call.catch((reason: unknown) => reason)
  if (!isTwinkeyError(error)) throw new Error('no fault')
  return error.cause as Error
}

function failing(thrown: unknown): KeyStore {
  return { ...memoryStore(), get: () => Promise.reject(thrown) }
}

test('a driver that puts what was written into its errors does not bring a digest into the fault', async () => {
  const thrown = Object.assign(new Error(`Failed query, params: ${DIGEST}`), {
    code: '23502',
    command: { name: 'set', args: [DIGEST] },
    detail: `Failing row contains (${DIGEST}).`,
  })
  const cause = await causeOf(createTwinkey({ store: failing(thrown) }).keys.get('k'))
  expect([cause.message, cause.code]).toEqual(['Failed query, params: sha-256:[redacted]', '23502'])
  expect(Object.keys(cause)).toEqual(['code'])
})

test('a feed that fails with a digest in its error does not bring it into the event', async () => {
  const events: TwinkeyEvent[] = []
  const store: KeyStore = { ...memoryStore(), watch: () => Promise.reject(new Error(`cannot listen for ${DIGEST}`)) }
  await createTwinkey({ store, onEvent: (event) => events.push(event) }).keys.list()
  expect(events).toMatchObject([{ type: 'warning.store_failed', error: { message: 'cannot listen for sha-256:[redacted]' } }])
})

it('keeps what an operator needs: the class, where it was thrown, and the causes', async () => {
  class ConnectionLost extends Error {
    override readonly name = 'ConnectionLost'
  }
  const thrown = new ConnectionLost('the connection to 10.0.0.1:5432 was lost', { cause: new Error('ECONNRESET') })
  const cause = await causeOf(createTwinkey({ store: failing(thrown) }).keys.get('k'))
  expect([cause.name, cause.message, (cause.cause as Error).message]).toEqual([thrown.name, thrown.message, 'ECONNRESET'])
  expect(cause.stack).toBe(thrown.stack)
})

test.each([
  ['a string', `down: ${DIGEST}`, 'down: sha-256:[redacted]'],
  ['nothing', undefined, undefined],
  ['a number', 7, 7],
])('what is thrown may be %s', (_what, thrown, expected) => {
  expect(showable(thrown)).toBe(expected)
})

test('an error that cannot be read, or is its own cause, is shown all the same', () => {
  const unreadable = new Proxy({}, { get: () => expect.fail('unreadable') })
  expect(showable(unreadable)).toEqual(new Error('What the store threw cannot be read.'))
  const circular = new Error('round')
  circular.cause = circular
  expect((showable(circular) as Error).cause).toMatchObject({ message: 'round' })
})

test('a secret in the place of the name of a member is not repeated', async () => {
  const { keys } = createTwinkey()
  const { key, primary } = await keys.create({ name: 'n', scope: { tenants: ['t'] } })
  const error = await keys.update(key.id, { [primary]: 1 } as never).catch((reason: Error) => reason)
  expect((error as Error).message).toContain(`"${primary.slice(0, 8)}…"`)
  expect(() => createTwinkey({ [primary]: 1 } as never)).toThrow(/cannot have "[^"]{9}"/)
})
