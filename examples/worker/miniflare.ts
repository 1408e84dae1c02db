import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { D1Database } from 'twinkey/stores/d1'

/**
 * The part of Miniflare that is used here. It is not a dependency of the project, because it is
 * larger than all of them.
 */
export interface Miniflare {
  getD1Database(binding: string, worker: string): Promise<D1Database>
  readonly ready: Promise<URL>
  unsafeGetDirectURL(worker: string): Promise<URL>
  dispose(): Promise<void>
}

const folder = fileURLToPath(new URL('workerd/', import.meta.url))

/** Starts workerd by Miniflare. Installs Miniflare in the folder workerd if needed. */
export function startMiniflare(options: object): Miniflare {
  if (!existsSync(`${folder}node_modules`)) {
    console.log('Installing miniflare…')
    const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0) throw new Error('npm could not install miniflare.')
  }
  const { Miniflare } = createRequire(`${folder}package.json`)('miniflare') as {
    Miniflare: new (options: object) => Miniflare
  }
  return new Miniflare(options)
}
