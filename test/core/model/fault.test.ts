import { isTwinkeyError, TwinkeyError } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { messageOf } from '../../../src/core/model/error.ts'

describe('a TwinkeyError', () => {
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

  it('has no other enumerable properties than name and code', () => {
    expect(Object.keys(new TwinkeyError('key_not_found', 'no'))).toEqual(['name', 'code'])
  })

  it('is recognised by a registered symbol, even if another copy of the package threw it', () => {
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

  it('keeps its mark, which is not enumerable and cannot be deleted', () => {
    const fault = new TwinkeyError('key_not_found', 'no')
    expect(Reflect.deleteProperty(fault, Symbol.for('twinkey.error'))).toBe(false)
    expect(Object.getOwnPropertyDescriptor(fault, Symbol.for('twinkey.error'))).toMatchObject({
      value: true,
      enumerable: false,
    })
  })
})

describe('the message for a thrown value is', () => {
  it.each([
    ['its message', new Error('down'), 'down'],
    [
      'its code if it has no message',
      Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
      'ECONNREFUSED',
    ],
    ['the value as text if it has neither', new Error(''), 'Error'],
    ['the value itself if it is text', 'down', 'down'],
    ['the value as text if it is a number', 7, '7'],
  ])('%s', (_what, thrown, reason) => {
    expect(messageOf(thrown)).toBe(reason)
  })

  it.each([
    ['nothing', null],
    ['undefined', undefined],
    ['a message that cannot become text', { message: Object.create(null) }],
    [
      'a member that throws when it is read',
      new Proxy({}, { get: () => expect.fail('unreadable') }),
    ],
  ])('says that it cannot be read: %s', (_what, thrown) => {
    expect(messageOf(thrown)).toBe('the thrown value cannot be read')
  })
})
