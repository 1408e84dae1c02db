import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * One copy of the built package with its own modules, as a bundler or a second installation creates
 * it.
 */
export interface Copy {
  readonly main: typeof import('twinkey')
  readonly express: typeof import('twinkey/express')
  readonly fastify: typeof import('twinkey/fastify')
  readonly hono: typeof import('twinkey/hono')
  readonly web: typeof import('twinkey/web')
  readonly http: typeof import('twinkey/http')
  readonly profiles: typeof import('twinkey/profiles')
  readonly verifier: typeof import('twinkey/verifier')
}

/** Copies the built package to two folders, and imports both. */
export async function loadCopies(): Promise<{
  readonly copies: readonly [Copy, Copy]
  remove(): void
}> {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-copies-'))
  const [first, second] = await Promise.all([load(folder, 'first'), load(folder, 'second')])
  return {
    copies: [first as Copy, second as Copy],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

// Under node_modules, so that Vitest leaves the import to Node.
async function load(folder: string, name: string): Promise<Copy> {
  const modules = join(folder, name, 'node_modules')
  const installed = join(modules, 'twinkey')
  mkdirSync(join(modules, '@noble'), { recursive: true })
  cpSync(join(root, 'dist'), join(installed, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  for (const dependency of ['jose', '@noble/hashes'])
    symlinkSync(join(root, 'node_modules', dependency), join(modules, dependency), 'junction')
  const subpaths = ['index', 'express', 'fastify', 'hono', 'web', 'http', 'profiles', 'verifier']
  const [main, ...others] = await Promise.all(
    subpaths.map(
      (subpath) =>
        import(/* @vite-ignore */ pathToFileURL(join(installed, 'dist', `${subpath}.js`)).href),
    ),
  )
  const [express, fastify, hono, web, http, profiles, verifier] = others
  return { main, express, fastify, hono, web, http, profiles, verifier }
}
