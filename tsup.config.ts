import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    express: 'src/adapters/express.ts',
    profiles: 'src/wire/profiles.ts',
    hash: 'src/core/hash.ts',
    'hash.node': 'src/core/hash.node.ts',
  },
  format: ['esm'],
  target: 'es2022',
  platform: 'neutral',
  external: ['#hash', /^node:/],
  dts: { entry: { index: 'src/index.ts', express: 'src/adapters/express.ts', profiles: 'src/wire/profiles.ts' } },
  sourcemap: true,
  splitting: true,
  clean: true,
})
