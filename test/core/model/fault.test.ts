import { isTwinkeyError, TwinkeyError } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { messageOf } from '../../../src/core/model/error.ts'

describe('a fault', () => {
  it('has a name, a code, a message and the cause', () => {
    const cause = new Error('down')
    const fault = new TwinkeyError('store_unavailable', 'The store failed.', { cause })
    expect([fault.name, fault.code, fault.message, fault.cause]).toEqual([
      'TwinkeyError',
      'store_unavailable',
      'The store failed.',
      cause,
    ])
    expect(String(fault)).toBe('TwinkeyError: The store failed.')
  })

  it('shows no more than that', () => {
    expect(Object.keys(new TwinkeyError('key_not_found', 'no'))).toEqual(['name', 'code'])
  })

  it('is told from anything else, also where another copy of the package has thrown it', () => {
    const ofAnotherCopy = Object.defineProperty(new Error('no'), Symbol.for('twinkey.error'), {
      value: true,
    })
    expect([new TwinkeyError('key_not_found', 'no'), ofAnotherCopy].map(isTwinkeyError)).toEqual([
      true,
      true,
    ])
    const others = [
      new Error('no'),
      { code: 'key_not_found' },
      null,
      undefined,
      'key_not_found',
      7,
      () => 1,
      Symbol('twinkey.error'),
    ]
    expect(others.map(isTwinkeyError)).toEqual(others.map(() => false))
  })

  it('cannot be made into none', () => {
    const fault = new TwinkeyError('key_not_found', 'no')
    expect(Reflect.deleteProperty(fault, Symbol.for('twinkey.error'))).toBe(false)
    expect(Object.getOwnPropertyDescriptor(fault, Symbol.for('twinkey.error'))).toMatchObject({
      value: true,
      enumerable: false,
    })
  })
})

describe('what was thrown is told by', () => {
  it.each([
    ['its message', new Error('down'), 'down'],
    [
      'its code where it has no message',
      Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
      'ECONNREFUSED',
    ],
    ['itself where it has neither', new Error(''), 'Error'],
    ['itself where it is text', 'down', 'down'],
    ['itself where it is a number', 7, '7'],
  ])('%s', (_what, thrown, reason) => {
    expect(messageOf(thrown)).toBe(reason)
  })

  it.each([
    ['nothing', null],
    ['undefined', undefined],
    ['what cannot be text', { message: Object.create(null) }],
    ['what cannot be read', new Proxy({}, { get: () => expect.fail('unreadable') })],
  ])('that it is unreadable where it is %s', (_what, thrown) => {
    expect(messageOf(thrown)).toBe('the thrown value cannot be read')
  })
})
