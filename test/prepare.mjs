// Makes a fresh clone ready: installs the locked dependencies and builds, if either is out of date.
// Prints to stderr only.
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command in the project folder. Ends this process if the command fails. */
export function run(command, args, { quiet = false } = {}) {
  // After a failure, prints the output of the command, even if `quiet`.
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
    // npm ci would empty the folder that the link points to.
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
    run('npm', ['run', 'build'], { quiet: true })
  }
}

function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(
    ...readdirSync(path, { recursive: true }).map((name) => statSync(`${path}/${name}`).mtimeMs),
  )
}
