import { defineConfig } from 'tsup'

const entry = {
  index: 'src/index.ts',
  express: 'src/adapters/express.ts',
  fastify: 'src/adapters/fastify.ts',
  hono: 'src/adapters/hono.ts',
  web: 'src/adapters/web.ts',
  profiles: 'src/wire/profiles.ts',
  'stores/memory': 'src/stores/memory.ts',
  'stores/postgres': 'src/stores/postgres.ts',
  'stores/redis': 'src/stores/redis.ts',
  'stores/sqlite': 'src/stores/sqlite.ts',
  verifier: 'src/verifier.ts',
  testing: 'src/testing.ts',
}

export default defineConfig({
  entry: { ...entry, hash: 'src/core/hash.ts', 'hash.node': 'src/core/hash.node.ts' },
  format: ['esm'],
  target: 'es2022',
  platform: 'neutral',
  external: ['#hash', /^node:/],
  removeNodeProtocol: false,
  dts: { entry },
  sourcemap: true,
  splitting: true,
  clean: true,
})
