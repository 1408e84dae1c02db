import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { paneForVite } from './src/pane-app/plugins.mjs'
import { sharingFiles } from './test/isolation.ts'
import { SlowestFirst } from './test/sequencer.ts'

// The reporter prints failures with it, and Node 20 has none.
const maps = Map as unknown as {
  groupBy?: (items: Iterable<unknown>, keyOf: (item: unknown) => unknown) => Map<unknown, unknown[]>
}
maps.groupBy ??= (items, keyOf) => {
  const groups = new Map<unknown, unknown[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

const INTEROP = 'test/**/*.interop.test.ts'
const SHARING = sharingFiles()

export default defineConfig({
  plugins: [paneForVite],
  resolve: {
    alias: [
      { find: '#hash', replacement: src('core/secrets/hash.node.ts') },
      { find: /^twinkey$/, replacement: src('index.ts') },
      { find: /^twinkey\/store$/, replacement: src('core/store/index.ts') },
      { find: 'twinkey/stores/memory', replacement: src('stores/memory.ts') },
      { find: /^twinkey\/stores\/(\w+)$/, replacement: src('stores/$1/index.ts') },
      {
        find: /^twinkey\/(client|limits|openapi|profiles|telemetry|testing|verifier)$/,
        replacement: src('$1/index.ts'),
      },
      {
        find: /^twinkey\/(gateway|leaks|management|oauth|pane)$/,
        replacement: src('endpoints/$1/index.ts'),
      },
      {
        find: /^twinkey\/(express|fastify|hono|http|nest|web)$/,
        replacement: src('adapters/$1/index.ts'),
      },
    ],
  },
  test: {
    // `npm test` runs main and main-shared, `npm run test:interop` the other: what needs a foreign
    // runtime, client, proxy or compiler. The files of main-shared share a process.
    projects: [
      {
        extends: true,
        test: { name: 'main', include: ['test/**/*.test.ts'], exclude: [INTEROP, ...SHARING] },
      },
      { extends: true, test: { name: 'main-shared', include: SHARING, isolate: false } },
      { extends: true, test: { name: 'interop', include: [INTEROP] } },
    ],
    // One process more than there are cores, because many tests wait for servers and other
    // processes. By default, Vitest leaves one core idle.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: SlowestFirst },
    globalSetup: ['test/support/curl.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
