import { defineConfig } from 'tsup'
import { paneForEsbuild } from './src/pane-app/plugins.mjs'

const entry = {
  index: 'src/index.ts',
  express: 'src/adapters/express/index.ts',
  fastify: 'src/adapters/fastify/index.ts',
  hono: 'src/adapters/hono/index.ts',
  web: 'src/adapters/web/index.ts',
  profiles: 'src/profiles/index.ts',
  http: 'src/adapters/http/index.ts',
  management: 'src/endpoints/management/index.ts',
  oauth: 'src/endpoints/oauth/index.ts',
  pane: 'src/endpoints/pane/index.ts',
  gateway: 'src/endpoints/gateway/index.ts',
  store: 'src/core/store/index.ts',
  'stores/memory': 'src/stores/memory.ts',
  'stores/postgres': 'src/stores/postgres/index.ts',
  'stores/redis': 'src/stores/redis/index.ts',
  'stores/sqlite': 'src/stores/sqlite/index.ts',
  verifier: 'src/verifier/index.ts',
  client: 'src/client/index.ts',
  testing: 'src/testing/index.ts',
}

export default defineConfig({
  entry: {
    ...entry,
    hash: 'src/core/secrets/hash.ts',
    'hash.node': 'src/core/secrets/hash.node.ts',
  },
  format: ['esm'],
  target: 'es2022',
  platform: 'neutral',
  esbuildPlugins: [paneForEsbuild],
  external: ['#hash', /^node:/],
  removeNodeProtocol: false,
  dts: { entry },
  sourcemap: true,
  splitting: true,
  clean: true,
})
