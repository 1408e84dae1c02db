// The bundled size of the package: minified, gzip, for Node, without jose, @noble/hashes and NestJS.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { root } from '../../test/prepare.mjs'

// The minimum of every application, except one that only verifies.
const CORE = "export { createTwinkey } from 'twinkey'"

// They declare that they have no side effects, so unused imports are removed.
const withoutDependencies = {
  name: 'without dependencies',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^(?:jose|@noble\/hashes|@nestjs|node:)/ }, ({ path }) => ({
      path,
      external: true,
      sideEffects: false,
    })),
}

/** The bytes of a program, bundled with its imports of the package. */
export async function sizeOf(program) {
  const { outputFiles } = await build({
    stdin: { contents: program, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    plugins: [withoutDependencies],
    // Measures the build output: the paths of the project's tsconfig lead to src.
    tsconfigRaw: '{}',
    logLevel: 'silent',
  })
  return gzipSync(outputFiles[0].contents, { level: 9 }).length
}

/** The bytes of a program beyond `createTwinkey`. */
export async function sizeBeyondCore(program) {
  return (await sizeOf(`${CORE}; ${program}`)) - (await sizeOf(CORE))
}

/** The bytes of `createTwinkey`. */
export function sizeOfCore() {
  return sizeOf(CORE)
}
