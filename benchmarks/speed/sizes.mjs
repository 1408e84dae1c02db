// What a bundler makes of the package: minified, gzip, without jose and @noble/hashes, as for Node.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { root } from '../../test/prepare.mjs'

// What every application has that uses the package at all, bar one that only verifies.
const CORE = "export { createTwinkey } from 'twinkey'"

// Both say that they have no side effects, so what is imported of them and not used goes.
const withoutDependencies = {
  name: 'without dependencies',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^(?:jose|@noble\/hashes|node:)/ }, ({ path }) => ({
      path,
      external: true,
      sideEffects: false,
    })),
}

/** How many bytes a program takes that is bundled with what it imports of the package. */
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
    // What is built is measured: the paths of the project's own tsconfig lead to src.
    tsconfigRaw: '{}',
    logLevel: 'silent',
  })
  return gzipSync(outputFiles[0].contents, { level: 9 }).length
}

/** How many bytes a program takes beyond `createTwinkey`, which is there in any case. */
export async function sizeBeyondCore(program) {
  return (await sizeOf(`${CORE}; ${program}`)) - (await sizeOf(CORE))
}

/** How many bytes `createTwinkey` takes. */
export function sizeOfCore() {
  return sizeOf(CORE)
}
