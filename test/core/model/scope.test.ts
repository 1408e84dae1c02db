import fc from 'fast-check'
import type { Axis, Scope, ScopeValue } from 'twinkey'
import { describe, expect, it } from 'vitest'
import {
  AXES,
  copyScope,
  covers,
  emptyAxis,
  freezeScope,
  fromScopeString,
  intersect,
  narrow,
  scopeProblem,
  scopeValueProblem,
  toScopeString,
} from '../../../src/core/model/scope.ts'

// The model: an axis is the set of names that it reaches within a universe. One name of the
// universe is in no list.
const NAMES = ['a', 'b', 'c']
const UNIVERSE = [...NAMES, 'elsewhere']
const setOf = (reach: ScopeValue) => new Set(reach === '*' ? UNIVERSE : reach)
const isSubset = (small: Set<string>, large: Set<string>) =>
  [...small].every((name) => large.has(name))

const reach: fc.Arbitrary<ScopeValue> = fc.oneof(
  fc.constant('*' as const),
  fc.shuffledSubarray(NAMES),
)
const scope: fc.Arbitrary<Scope> = fc.record({
  tenants: reach,
  environments: reach,
  workflows: reach,
})
const asked = fc.record(
  { tenants: reach, environments: reach, workflows: reach },
  { requiredKeys: [] },
)

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .filter((text) => scopeValueProblem([text]) === undefined)
const anyReach: fc.Arbitrary<ScopeValue> = fc.oneof(
  fc.constant('*' as const),
  fc.uniqueArray(name, { minLength: 1, maxLength: 8 }),
)

describe('scopes behave as sets:', () => {
  it('covers: a name is covered if it is in the set', () => {
    fc.assert(
      fc.property(reach, fc.constantFrom(...UNIVERSE), (held, each) => {
        expect(covers(held, each)).toBe(setOf(held).has(each))
      }),
    )
  })

  it('intersect: the intersection of both', () => {
    fc.assert(
      fc.property(scope, scope, (a, b) => {
        const both = intersect(a, b)
        for (const [, member] of AXES) {
          const expected = [...setOf(a[member])].filter((each) => setOf(b[member]).has(each))
          expect(setOf(both[member])).toEqual(new Set(expected))
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('narrow: the requested subset, or the first axis that exceeds the held scope', () => {
    fc.assert(
      fc.property(scope, asked, (held, wanted) => {
        const wider = AXES.find(
          ([, member]) => !isSubset(setOf(wanted[member] ?? held[member]), setOf(held[member])),
        )?.[0]
        const cut = narrow(held, wanted)
        if (wider !== undefined) expect(cut).toBe(wider)
        else
          for (const [, member] of AXES)
            expect(setOf((cut as Scope)[member])).toEqual(setOf(wanted[member] ?? held[member]))
      }),
      { numRuns: 1000 },
    )
  })

  it('emptyAxis: the first axis whose set is empty', () => {
    fc.assert(
      fc.property(scope, (each) => {
        const expected: Axis | undefined = AXES.find(
          ([, member]) => setOf(each[member]).size === 0,
        )?.[0]
        expect(emptyAxis(each)).toBe(expected)
      }),
    )
  })

  it("narrow: `'*'` exceeds a list, even a list of all known names", () => {
    expect(narrow({ tenants: NAMES, environments: '*', workflows: '*' }, { tenants: '*' })).toBe(
      'tenant',
    )
  })
})

describe('scope strings', () => {
  it('parse back to the scope that they were made of, whatever the names', () => {
    fc.assert(
      fc.property(
        fc.record({ tenants: anyReach, environments: anyReach, workflows: anyReach }),
        (each) => {
          expect(fromScopeString(toScopeString(each))).toEqual(each)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('contain only the characters that RFC 6749 allows', () => {
    fc.assert(
      fc.property(
        fc.record({ tenants: anyReach, environments: anyReach, workflows: anyReach }),
        (each) => {
          expect(toScopeString(each)).toMatch(
            /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/,
          )
        },
      ),
      { numRuns: 1000 },
    )
  })

  it.each<[string, Scope]>([
    [
      'tenant:acme environment:production workflow:*',
      { tenants: ['acme'], environments: ['production'], workflows: '*' },
    ],
    [
      'tenant:a%20b tenant:c environment:*',
      { tenants: ['a b', 'c'], environments: '*', workflows: [] },
    ],
    ['tenant:%2A%3Ab', { tenants: ['*:b'], environments: [], workflows: [] }],
  ])('have the form %s', (text, each) => {
    expect(toScopeString(each).replace('*%3A', '%2A%3A')).toBe(text)
  })

  it('omit an axis that reaches nothing, and parsing does not add it', () => {
    const text = toScopeString({ tenants: ['a'], environments: [], workflows: '*' })
    expect(text).toBe('tenant:a workflow:*')
    expect(fromScopeString(text)).toEqual({ tenants: ['a'], workflows: '*' })
  })

  it('name a workflow by a word without a colon', () => {
    expect(fromScopeString('tenants')).toEqual({ workflows: ['tenants'] })
    expect(fromScopeString('tenant:a customers.read')).toEqual({
      tenants: ['a'],
      workflows: ['customers.read'],
    })
  })

  it.each([
    'tenant*',
    '*',
    '',
    ' ',
    'tenant:',
    'environment:a ',
    'tenant:a  tenant:b',
    'Tenant:a',
    'tenants:a',
    'a"b',
    'tenant:ü',
    'workflow:a\u00a0b',
    'tenant:%',
    'tenant:%ff',
    'tenant:%2A',
    'tenant:%00',
    'tenant:a tenant:a',
    ':a',
    '__proto__:a',
    'constructor:a',
    `tenant:${'x'.repeat(129)}`,
    Array.from({ length: 65 }, (_, i) => `tenant:t${i}`).join(' '),
  ])('are not parsed if they contain anything else: %j', (text) => {
    expect(fromScopeString(text)).toBeUndefined()
  })
})

describe('the form of a scope', () => {
  const fine = { tenants: ['a'], environments: '*', workflows: [] }

  it.each([
    fine,
    { ...fine, tenants: NAMES },
    { ...fine, tenants: Array.from({ length: 64 }, (_, i) => `${i}`.padEnd(128, 'x')) },
  ])("may have three axes, each `'*'` or a list", (value) => {
    expect(scopeProblem(value)).toBeUndefined()
  })

  it.each([
    ['a string', 'tenant:a'],
    ['a list', [fine]],
    ['null', null],
    ['an axis missing', { tenants: ['a'], environments: '*' }],
    ['an extra axis', { ...fine, regions: '*' }],
    [
      'an own __proto__',
      JSON.parse('{"tenants":"*","environments":"*","workflows":"*","__proto__":{}}'),
    ],
    ['an object with a class', Object.assign(new (class Scoped {})(), fine)],
    ['a string for a list', { ...fine, tenants: 'a' }],
    ['a star in a list', { ...fine, tenants: ['a', '*'] }],
    ['a name twice', { ...fine, tenants: ['a', 'a'] }],
    ['an empty name', { ...fine, tenants: [''] }],
    ['a hole', { ...fine, tenants: new Array(1) }],
    ['a number', { ...fine, tenants: [1] }],
    ['null for an axis', { ...fine, tenants: null }],
    ['a name of 129 characters', { ...fine, tenants: ['x'.repeat(129)] }],
    ['65 names', { ...fine, tenants: Array.from({ length: 65 }, (_, i) => `${i}`) }],
    ['a NUL', { ...fine, tenants: ['a\0'] }],
    ['a lone surrogate', { ...fine, tenants: ['a\ud800'] }],
    ['a line break', { ...fine, tenants: ['a\n'] }],
  ])('may not be %s', (_, value) => {
    expect(scopeProblem(value)).toMatch(/must|cannot have|is wrong/)
  })

  it.each<[unknown, string]>([
    ['a', "must be '*' or a list of names"],
    [Array.from({ length: 65 }, (_, i) => `${i}`), "must be '*' or at most 64 names"],
    [['a', '*'], "must be '*' itself, not a list with '*' in it"],
    [
      ['a', ''],
      'has a name that must be a string of 1 to 128 characters, well-formed Unicode without control characters',
    ],
    [['a', 'a'], 'must not repeat a name'],
  ])('is refused with a message: %j', (value, problem) => {
    expect(scopeValueProblem(value)).toBe(problem)
    expect(scopeProblem({ ...fine, workflows: value })).toBe(`is wrong: workflows ${problem}`)
  })

  it('is copied and frozen', () => {
    const tenants = ['a']
    const frozen = freezeScope({ tenants, environments: '*', workflows: [] })
    tenants.push('b')
    expect(frozen).toEqual({ tenants: ['a'], environments: '*', workflows: [] })
    expect([frozen, frozen.tenants, frozen.workflows].every(Object.isFrozen)).toBe(true)
  })

  it('is frozen if it is the intersection of two scopes, too', () => {
    const mine = { tenants: ['a', 'b'], environments: '*', workflows: ['w'] } as const
    const both = intersect(mine, { tenants: ['b'], environments: ['e'], workflows: '*' })
    expect(both).toEqual({ tenants: ['b'], environments: ['e'], workflows: ['w'] })
    expect([both, both.tenants, both.environments, both.workflows].every(Object.isFrozen)).toBe(
      true,
    )
    expect(both.workflows).not.toBe(mine.workflows)
  })

  it('has plain arrays, even if it was made of instances of a subclass', () => {
    class Names extends Array<string> {
      override includes(): boolean {
        return true
      }
    }
    const tenants = Object.assign(Names.of('a'), { slice: () => tenants, toJSON: () => '*' })
    const frozen = freezeScope({ tenants, environments: '*', workflows: [] })
    expect(Object.getPrototypeOf(frozen.tenants)).toBe(Array.prototype)
    expect([frozen.tenants, Object.keys(frozen.tenants)]).toEqual([['a'], ['0']])
    expect(covers(frozen.tenants, 'b')).toBe(false)
  })
})

describe('a copy of a scope', () => {
  it('has copies of the lists, and only the axes that are given', () => {
    const tenants = ['a', 'b']
    const copy = copyScope({ tenants }) as { tenants: string[] }
    expect(Object.keys(copy)).toEqual(['tenants'])
    tenants.push('c')
    expect(copy.tenants).toEqual(['a', 'b'])
    expect(copyScope({ tenants: '*', workflows: 7 })).toEqual({ tenants: '*', workflows: 7 })
    expect([copyScope(null), copyScope('a')]).toEqual([null, 'a'])
  })
})
