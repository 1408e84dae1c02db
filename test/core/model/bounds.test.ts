import { describe, expect, it } from 'vitest'
import {
  isPlainObject,
  metadataProblem,
  nameProblem,
  secondsProblem,
  timeProblem,
} from '../../../src/core/model/checks.ts'

describe('a name', () => {
  it.each(['a', 'x'.repeat(128), 'ü', '🔑'])('may be %s', (name) => {
    expect(nameProblem(name)).toBeUndefined()
  })

  it.each([[''], ['x'.repeat(129)], ['a\n'], ['\ud800'], [7], [null]])('may not be %j', (name) => {
    expect(nameProblem(name)).toBe(
      'must be a string of 1 to 128 characters, well-formed Unicode without control characters',
    )
  })
})

describe('a time', () => {
  it.each([1, 1_700_000_000_000, 8.64e15])('may be %d', (time) => {
    expect(timeProblem(time)).toBeUndefined()
  })

  it.each([0, -1, 1.5, 8.64e15 + 1, Number.NaN, Number.POSITIVE_INFINITY, '1', null])(
    'may not be %j',
    (time) => {
      expect(timeProblem(time)).toBe(
        'must be a valid Date or a positive whole number of epoch milliseconds, or null for never',
      )
    },
  )
})

describe('a duration', () => {
  it.each([1, 2, 9, 10])('may be %d of 1 to 10 seconds', (seconds) => {
    expect(secondsProblem(seconds, 1, 10)).toBeUndefined()
  })

  it.each([0, 11, 1.5, '5', undefined])('may not be %j', (seconds) => {
    expect(secondsProblem(seconds, 1, 10)).toBe('must be a whole number of seconds from 1 to 10')
  })
})

describe('metadata', () => {
  const nested = (depth: number): object => (depth === 1 ? { end: 'x' } : { in: nested(depth - 1) })
  const ofLength = (length: number) => ({ a: 'x'.repeat(length - '{"a":""}'.length) })
  const FORM =
    'must be a plain object of JSON values, at most 5 levels deep, well-formed Unicode without control characters'

  it.each<[string, unknown]>([
    ['nothing', {}],
    ['null, numbers, both booleans and text', { a: null, b: -1.5, c: true, d: false, e: '' }],
    ['lists of lists', { a: [[1], []] }],
    ['five levels', nested(5)],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['4,096 bytes', ofLength(4096)],
  ])('may be %s', (_, value) => {
    expect(metadataProblem(value)).toBeUndefined()
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', [1]],
    ['text', 'a'],
    ['NaN', { a: Number.NaN }],
    ['undefined', { a: undefined }],
    ['a function', { a: () => 1 }],
    ['a big integer', { a: 1n }],
    ['a date', { a: new Date(0) }],
    ['one bad value of many', { a: 1, b: [1, new Map()], c: 2 }],
    ['a control character', { a: 'a\0' }],
    ['a control character in a name', { 'a\0': 'a' }],
    ['an own __proto__', JSON.parse('{"a":{"__proto__":1}}')],
    ['six levels', nested(6)],
    ['six levels of lists', { a: [[[[[1]]]]] }],
  ])('may not be %s', (_, value) => {
    expect(metadataProblem(value)).toBe(FORM)
  })

  it('may have at most 4,096 bytes, counted in UTF-8 and not in characters', () => {
    expect(metadataProblem(ofLength(4097))).toBe('must be at most 4 KiB as JSON')
    expect(metadataProblem({ a: 'ü'.repeat(2045) })).toBe('must be at most 4 KiB as JSON')
  })
})

describe('a plain object', () => {
  it('is a literal of any realm, and not an instance of a class', () => {
    expect([{}, Object.create(null)].map(isPlainObject)).toEqual([true, true])
    expect(
      [null, undefined, [], 'a', 7, new (class Given {})(), new Date(0), () => {}].map(
        isPlainObject,
      ),
    ).toEqual(new Array(8).fill(false))
  })
})
