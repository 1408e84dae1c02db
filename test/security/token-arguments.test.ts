import type { Twinkey } from 'twinkey'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Bench, createBench } from '../support/bench.ts'
import { codeOf } from '../support/sent.ts'
import { issued } from './forge-token.ts'

// A value from a JSON body may be no string, although its TypeScript type is string.

const calls: Readonly<
  Record<string, (twinkey: Twinkey, value: string) => Promise<{ readonly ok: boolean }>>
> = {
  'tokens.verify': (twinkey, value) => twinkey.tokens.verify(value),
  'tokens.issue': (twinkey, value) => twinkey.tokens.issue(value),
  'keys.verify': (twinkey, value) => twinkey.keys.verify(value),
}

describe.each(Object.entries(calls))('%s', (name, call) => {
  let bench: Bench
  let good: string
  beforeEach(async () => {
    bench = createBench()
    const { primary } = await bench.twinkey.keys.create({
      name: 'n',
      scope: { tenants: ['t'], workflows: '*' },
    })
    good = name === 'tokens.verify' ? await issued(bench.twinkey, primary) : primary
  })

  it('accepts a credential that is a string', async () => {
    expect(await call(bench.twinkey, good)).toMatchObject({ ok: true })
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['false', false],
    ['0', 0],
    ['a bigint', 1n],
    ['a symbol', Symbol('x')],
    ['an object', {}],
    ['an object that cannot be a text', JSON.parse('{"toString":1,"valueOf":1}')],
    ['an object without a prototype', Object.create(null)],
    ['an object that throws', { toString: () => expect.fail('it was asked') }],
    ['a function', () => {}],
    ['lists in lists', JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
  ])('refuses a value that is not a string, and never rejects: %s', async (_name, value) => {
    expect(codeOf(await call(bench.twinkey, value as string))).toBe('credential_invalid')
  })

  it('refuses a good credential in a list, or in an object that converts to it', async () => {
    for (const value of [[good], [[good]], { toString: () => good }, new String(good)]) {
      expect(codeOf(await call(bench.twinkey, value as string))).toBe('credential_invalid')
    }
  })
})
