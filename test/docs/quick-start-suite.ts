import { secretPattern } from 'twinkey'
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest'
import { blocksOf, blockWith, callLine, createGuideRunner, curlLinesOf } from '../support/guide.ts'

/** The programs of the quick start for some subpaths, each run by tsx or by Bun. */
export function describeQuickStart(
  programs: readonly (readonly [subpath: string, by: 'tsx' | 'bun'])[],
): void {
  const { run, stop, remove } = createGuideRunner()
  afterEach(stop)
  afterAll(remove)

  describe('docs/quick-start.md', () => {
    test.each(programs)(
      'has a program for %s that answers each curl line as it says',
      async (subpath, by) => {
        const program = blocksOf('quick-start', 'ts').find(
          (block) => block.includes(`from '${subpath}'`) && block.includes('PORT'),
        )
        const { url, printed } = await run(
          program ?? blockWith('quick-start', `from '${subpath}'`),
          by,
        )
        const lines = curlLinesOf('quick-start')
        expect(lines).toHaveLength(5)
        const variables: Record<string, string> = {}
        for (const line of lines) {
          const { status, body } = callLine(line, url, variables)
          expect(`${line} ${status}`).toBe(`${line} ${/# (\d{3})\b/.exec(line)?.[1]}`)
          // The plain handler prints it at the first call.
          variables['SECRET'] = await vi.waitUntil(() => secretPattern('acme').exec(printed())?.[0])
          const answer = JSON.parse(body)
          if (answer.access_token !== undefined) variables['TOKEN'] = answer.access_token
          else if (status === '200') expect(answer).toEqual({ caller: 'Billing', tenant: 't1' })
        }
      },
    )
  })
}
