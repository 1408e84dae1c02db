import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

const tests = fileURLToPath(new URL('tests.ts', import.meta.url))

/** Runs one file, which loads the other tests and runs them again for each mutant. */
export default defineConfig({
  ...base,
  plugins: [
    ...(base.plugins ?? []),
    {
      name: 'tests that can be run again',
      enforce: 'pre',
      resolveId: (source, importer) =>
        source === 'vitest' && !importer?.includes('/test/mutation/') ? tests : undefined,
    },
  ],
  test: { include: ['test/mutation/stay.ts'], testTimeout: 0, silent: true },
})
