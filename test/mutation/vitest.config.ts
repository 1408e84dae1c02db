import { defineConfig } from 'vitest/config'
import { BaseSequencer, type Reporter, type TestModule, type TestSpecification } from 'vitest/node'
import base from '../../vitest.config.ts'

const FOLDERS = ['test/core/', 'test/works-with/', 'test/http/', 'test/security/']

// Each mutant is run until the first test fails. What has killed one tends to kill its neighbours, and what takes a socket comes late.
const killers: string[] = []

class KillersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const kills = killers.lastIndexOf(moduleId)
      return kills < 0 ? FOLDERS.findIndex((folder) => moduleId.includes(folder)) : -1 - kills
    }
    return [...files].sort((a, b) => rank(a) - rank(b))
  }
}

const reporter: Reporter = {
  onTestModuleEnd(module: TestModule) {
    if (!module.ok()) killers.push(module.moduleId)
  },
}

/** The tests that mutants are held against: those that need no server, no other process and no minute. */
export default defineConfig({
  ...base,
  test: {
    include: ['test/{core,http,security,works-with}/**/*.test.ts'],
    // Of the last, Node 22 and later answer some rows otherwise than Node 20.
    exclude: ['bun', 'wire-rows', 'types', 'token-hosts', 'edge'].map((name) => `test/*/${name}.test.ts`),
    sequence: { sequencer: KillersFirst },
    reporters: [reporter],
    testTimeout: 20_000,
  },
})
