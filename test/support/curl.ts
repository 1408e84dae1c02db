import { spawnSync } from 'node:child_process'

/**
 * Runs once before all tests and installs curl if it is missing, because the tests run the curl
 * commands of the products' documents. If it cannot be installed, the run fails instead of skipping
 * tests.
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
