import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * The Worker and all that it needs, as one module. For a browser: an import of Node that could be
 * reached would fail the build.
 */
export async function bundleWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    target: 'es2022',
    // The package that is built, by the names that a user would import.
    tsconfigRaw: {},
    // The package says that it has no side effects, of which esbuild tells at each import.
    logLevel: 'error',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}
