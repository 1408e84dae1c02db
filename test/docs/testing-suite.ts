import { afterAll, describe, expect, test } from 'vitest'
import { blocksOf, createGuideRunner } from '../support/guide.ts'

export const { finish, remove } = createGuideRunner()
afterAll(remove)

export const blocks = blocksOf('testing', 'ts')
const programs = ['express', 'fastify', 'hono', 'web'].map((adapter): [string, string] => [
  adapter,
  blocks.find((block) => block.includes(`'twinkey/${adapter}'`)) ?? '',
])

/** The tests that docs/testing.md shows for these adapters, in the test runner of Node. */
export function describeShownTests(adapters: readonly string[]): void {
  const chosen = programs.filter(([adapter]) => adapters.includes(adapter))
  describe('docs/testing.md', () => {
    test.each(chosen)('has a test for %s that passes', (_adapter, program) => {
      const { code, printed } = finish(program)
      expect(printed).toMatch(/^# pass 1$/m)
      expect(code).toBe(0)
    })

    test.each(chosen)(
      'has a test for %s that fails if the route lacks its guard for the tenant',
      (_adapter, program) => {
        const broken = program.replace(
          /tenant: from\.(?:param|header)\('[\w-]+'\), /,
          "tenant: 't1', ",
        )
        expect(broken).not.toBe(program)
        const { code, printed } = finish(broken)
        expect(printed).toMatch(/^# fail 1$/m)
        expect(code).toBe(1)
      },
    )
  })
}
