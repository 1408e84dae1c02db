import { afterAll, describe, expect, test } from 'vitest'
import { blocksOf, createGuideRunner } from '../support/guide.ts'

const { finish, remove } = createGuideRunner()
afterAll(remove)

const blocks = blocksOf('testing', 'ts')
const programs = ['express', 'fastify', 'hono', 'web'].map((adapter): [string, string] => [
  adapter,
  blocks.find((block) => block.includes(`'twinkey/${adapter}'`)) ?? '',
])

describe('docs/testing.md', () => {
  test.each(programs)('has a test for %s that passes', (_adapter, program) => {
    const { code, printed } = finish(program)
    expect(printed).toMatch(/^# pass 1$/m)
    expect(code).toBe(0)
  })

  test.each(programs)(
    'has a test for %s that fails if the route lacks its guard for the tenant',
    (_adapter, program) => {
      const broken = program.replace(/tenant: (?:param|header)\('[\w-]+'\), /, "tenant: 't1', ")
      expect(broken).not.toBe(program)
      const { code, printed } = finish(broken)
      expect(printed).toMatch(/^# fail 1$/m)
      expect(code).toBe(1)
    },
  )

  test('shows keys that are limited as the text says, and a clock that ends one', () => {
    const [first = '', last = ''] = blocks.filter((block) => !block.includes('node:test'))
    const { printed } = finish(first)
    expect(printed).toMatch(/authorization: 'Bearer tk_\w+'/)
    expect(printed).toMatch(/^ada tk_\w+$/m)
    expect(printed).toMatch(/authorization: 'Bearer eyJ/)
    expect(finish(last).printed).toBe('false\n')
  })
})
