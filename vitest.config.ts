import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: '#hash', replacement: src('core/hash.node.ts') },
      { find: /^twinkey$/, replacement: src('index.ts') },
      { find: /^twinkey\/express$/, replacement: src('adapters/express.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
