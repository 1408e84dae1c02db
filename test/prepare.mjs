// Makes a fresh clone ready: installs what the lockfile says and builds, each only where it has not
// been done since. Prints to stderr only.
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command in the project's folder and ends this process where it fails. */
export function run(command, args, { quiet = false } = {}) {
  // On a failure what the command printed is shown, quiet or not.
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    stdio: quiet ? 'pipe' : ['ignore', 2, 2],
    encoding: 'utf8',
  })
  if (status === 0) return
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}\n${command} ${args.join(' ')} failed\n`)
  process.exit(status ?? 1)
}

/** Installs the dependencies of the lockfile and builds `dist`. */
export function prepare() {
  const installed = `${root}node_modules/.package-lock.json`
  if (!existsSync(installed) || newest(installed) < newest(`${root}package-lock.json`)) {
    // An install would empty what it leads to.
    if (lstatSync(`${root}node_modules`, { throwIfNoEntry: false })?.isSymbolicLink())
      throw new Error('node_modules is a link: install where it leads to.')
    process.stderr.write('Installing dependencies…\n')
    run('npm', ['ci', '--no-audit', '--no-fund'], { quiet: true })
  }
  const built = `${root}dist/index.js`
  const sources = Math.max(
    ...['src', 'package.json', 'tsup.config.ts'].map((path) => newest(`${root}${path}`)),
  )
  if (!existsSync(built) || newest(built) < sources) {
    process.stderr.write('Building…\n')
    run('npx', ['tsup'], { quiet: true })
  }
}

function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(
    ...readdirSync(path, { recursive: true }).map((name) => statSync(`${path}/${name}`).mtimeMs),
  )
}
