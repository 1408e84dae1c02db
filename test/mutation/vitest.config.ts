import { basename } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import base from '../../vitest.config.ts'

// Each mutant runs until the first test fails: the tests that think of one room alone come before those that go over sockets.
const ORDER = ['test/core/', 'test/works-with/', 'test/http/', 'test/security/']

class NearestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      ORDER.findIndex((folder) => moduleId.includes(folder)) * 2 + (basename(moduleId).includes('.property.') ? 1 : 0)
    return [...files].sort((a, b) => rank(a) - rank(b))
  }
}

/** The tests that mutants are held against: those that need no server, no other process and no minute. */
export default defineConfig({
  ...base,
  test: {
    include: ['test/{core,http,security,works-with}/**/*.test.ts'],
    exclude: [
      'test/http/bun.test.ts',
      'test/http/edge.test.ts',
      'test/http/wire-rows.test.ts',
      'test/security/token-hosts.test.ts',
      'test/security/token-attacks.test.ts',
      'test/works-with/types.test.ts',
    ],
    sequence: { sequencer: NearestFirst },
    testTimeout: 10_000,
  },
})
