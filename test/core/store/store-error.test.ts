import {
  createTwinkey,
  isTwinkeyError,
  type KeyStore,
  memoryStore,
  type TwinkeyEvent,
} from 'twinkey'
import { expect, it, test } from 'vitest'
import { isNotWritten, notWritten, redactError } from '../../../src/core/store/store-error.ts'

const DIGEST = 'sha-256:9mBw3vKx0QzL7tRn5YpJ2cHd8GfE1aVsUo4iXkT6ZbM'

/** The cause of the error with which a call rejects. */
async function causeOf(call: Promise<unknown>): Promise<Error & { code?: unknown }> {
  const error = await call.catch((reason: unknown) => reason)
  if (!isTwinkeyError(error)) throw new Error('no fault')
  return error.cause as Error
}

function failing(thrown: unknown): KeyStore {
  return { ...memoryStore(), get: () => Promise.reject(thrown) }
}

test('a digest in an error of a driver does not reach the TwinkeyError', async () => {
  const thrown = Object.assign(new Error(`Failed query, params: ${DIGEST}`), {
    code: '23502',
    command: { name: 'set', args: [DIGEST] },
    detail: `Failing row contains (${DIGEST}).`,
  })
  const cause = await causeOf(createTwinkey({ store: failing(thrown) }).keys.get('k'))
  expect([cause.message, cause.code]).toEqual(['Failed query, params: sha-256:[redacted]', '23502'])
  expect(Object.keys(cause)).toEqual(['code'])
})

test('a digest in an error of a feed does not reach the event', async () => {
  const events: TwinkeyEvent[] = []
  const store: KeyStore = {
    ...memoryStore(),
    watch: () => Promise.reject(new Error(`cannot listen for ${DIGEST}`)),
  }
  await createTwinkey({ store, onEvent: (event) => events.push(event) }).keys.list()
  expect(events).toMatchObject([
    {
      type: 'warning.store_unavailable',
      error: { message: 'cannot listen for sha-256:[redacted]' },
    },
  ])
})

it('a redacted error keeps what an operator needs: the class, the stack and the causes', async () => {
  class ConnectionLost extends Error {
    override readonly name = 'ConnectionLost'
  }
  const thrown = new ConnectionLost('the connection to 10.0.0.1:5432 was lost', {
    cause: new Error('ECONNRESET'),
  })
  const cause = await causeOf(createTwinkey({ store: failing(thrown) }).keys.get('k'))
  expect([cause.name, cause.message, (cause.cause as Error).message]).toEqual([
    thrown.name,
    thrown.message,
    'ECONNRESET',
  ])
  expect(cause.stack).toBe(thrown.stack)
})

test.each([
  ['a string', `down: ${DIGEST}`, 'down: sha-256:[redacted]'],
  ['nothing', undefined, undefined],
  ['a number', 7, 7],
])('a thrown value may be %s', (_what, thrown, expected) => {
  expect(redactError(thrown)).toBe(expected)
})

test('an error that cannot be read, or that is its own cause, is still shown', () => {
  const unreadable = new Proxy({}, { get: () => expect.fail('unreadable') })
  expect(redactError(unreadable)).toEqual(new Error('The error of the store cannot be read.'))
  const circular = new Error('round')
  circular.cause = circular
  expect((redactError(circular) as Error).cause).toMatchObject({ message: 'round' })
})

test('a secret used as the name of a member is not repeated', async () => {
  const { keys } = createTwinkey()
  const { key, primary } = await keys.create({
    name: 'n',
    scope: { tenants: ['t'], workflows: '*' },
  })
  const error = await keys
    .update(key.id, { [primary]: 1 } as never)
    .catch((reason: Error) => reason)
  expect((error as Error).message).toContain(`"${primary.slice(0, 8)}…"`)
  expect(() => createTwinkey({ [primary]: 1 } as never)).toThrow(/cannot have "[^"]{9}"/)
})

const LONG = 'a'.repeat(40)

/** An error as a driver may throw it. */
function thrownBy(members: object): Error {
  return Object.defineProperties(new Error('m'), Object.getOwnPropertyDescriptors(members))
}

test.each([
  ['a code that is a number', { code: 23505 }, { code: 23505 }],
  ['a code that is text', { code: 'E1' }, { code: 'E1' }],
  ['a code with something long in it', { code: `E ${LONG}` }, { code: 'E [redacted]' }],
  ['a code that is an object', { code: { digest: LONG } }, { code: undefined }],
  ['a name with something long in it', { name: `E ${LONG}==` }, { name: 'E [redacted]' }],
  ['a name that is no text', { name: { digest: LONG } }, { name: 'Error' }],
  ['an empty name', { name: '' }, { name: 'Error' }],
  ['a message that is no text', { message: { digest: LONG } }, { message: '' }],
  [
    'something of 39 characters',
    { message: `a ${LONG.slice(1)} b` },
    { message: `a ${LONG.slice(1)} b` },
  ],
  ['a cause that is text', { cause: `a ${LONG}` }, { cause: 'a [redacted]' }],
  ['null for a cause', { cause: null }, { cause: null }],
])('redacting an error with %s shows only what is safe', (_what, members, expected) => {
  const shown = redactError(thrownBy(members)) as Record<string, unknown>
  for (const [member, value] of Object.entries(expected)) expect(shown[member]).toEqual(value)
})

test('redacting adds no missing member', () => {
  const shown = redactError(thrownBy({ stack: 7 })) as Error
  expect([
    Object.hasOwn(shown, 'cause'),
    Object.hasOwn(shown, 'code'),
    Object.hasOwn(shown, 'name'),
    shown.stack,
  ]).toEqual([false, false, false, 'Error: m'])
})

test('a redacted error can be logged like any error: its members are not enumerable, and writable', () => {
  const shown = redactError(thrownBy({ name: 'Lost', cause: new Error('c') })) as Error
  expect(Object.keys(shown)).toEqual([])
  Object.assign(shown, { name: 'n', cause: 1, stack: 's' })
  expect([shown.name, shown.cause, shown.stack]).toEqual(['n', 1, 's'])
  Object.defineProperty(shown, 'stack', { value: 't' })
  expect(shown.stack).toBe('t')
})

test('a redacted stack keeps the paths of its frames, and drops other long texts', () => {
  const path = '/srv/app/node_modules/driver/dist/a-very-long-folder-name-of-a-package/index.js'
  const stack = `Error: m ${LONG}\n    at query (file://${path}:1:2)\n    at ${LONG}== (x:1:2)\n  detail: ${LONG}\n      at last (y:1:2)`
  expect((redactError(thrownBy({ stack })) as Error).stack).toBe(
    `Error: m\n    at query (file://${path}:1:2)\n    at [redacted] (x:1:2)`,
  )
})

test('at most five levels of causes are shown', () => {
  let thrown = new Error('1')
  for (let depth = 2; depth <= 9; depth++) thrown = new Error(`${depth}`, { cause: thrown })
  const messages: string[] = []
  for (
    let at = redactError(thrown) as Error | undefined;
    at !== undefined;
    at = at.cause as Error | undefined
  )
    messages.push(at.message)
  expect(messages).toEqual(['9', '8', '7', '6', '5'])
})

test('an error with the code not_written says that the store has written nothing', () => {
  const cause = new Error('refused')
  const thrown = notWritten('no connection', cause)
  expect([thrown.message, thrown.cause, (thrown as Error & { code: unknown }).code]).toEqual([
    'no connection',
    cause,
    'not_written',
  ])
  expect(isNotWritten(new Error('failed', { cause: thrown }))).toBe(true)
  for (const fault of [
    new Error('failed', { cause }),
    new Error('failed'),
    new Error('failed', { cause: null }),
  ])
    expect(isNotWritten(fault)).toBe(false)
})
