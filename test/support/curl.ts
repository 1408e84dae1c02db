import { spawnSync } from 'node:child_process'

/**
 * Runs once before all tests: the products' documents are followed by curl, as they are written. A
 * fresh machine may lack it, and may never have fetched its package lists. Where it cannot be
 * installed that is a failure, not a reason to leave tests out.
 */
export function setup(): void {
  if (isThere()) return
  if (process.getuid?.() === 0) {
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'curl']]) {
      const { status, stderr } = spawnSync('apt-get', args, {
        encoding: 'utf8',
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      })
      if (status !== 0)
        throw new Error(`curl is missing, and apt-get ${args.join(' ')} failed: ${stderr}`)
    }
  }
  if (!isThere())
    throw new Error(
      'curl is missing, and the documents of the products say curl. Install it: apt-get install curl',
    )
}

function isThere(): boolean {
  return spawnSync('curl', ['--version']).status === 0
}
