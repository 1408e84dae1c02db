import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Bundles the Worker and its dependencies into one module. With the platform `browser`, a reachable
 * import of Node fails the build.
 */
export async function bundleWorker(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url))],
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
