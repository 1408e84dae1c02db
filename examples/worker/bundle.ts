import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Bundles a Worker and its dependencies into one module. With the platform `browser`, a reachable
 * import of Node fails the build.
 *
 * @param entry The file of the Worker, default: the example.
 */
export async function bundleWorker(
  entry = fileURLToPath(new URL('worker.ts', import.meta.url)),
): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    target: 'es2022',
    // Without a tsconfig, this resolves the built package by its public names.
    tsconfigRaw: {},
    // Hides warnings: esbuild reports each import of a package without side effects.
    logLevel: 'error',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}
