import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tried } from './tried.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A package of tried.ts. */
export type TriedPackage = keyof typeof tried

/** A project of a user: a folder with the packed package and packages of the registry. */
export interface Project {
  readonly folder: string
  /** Writes files by their paths in the project. */
  write(files: Readonly<Record<string, string>>): void
  /** Runs a command of node_modules/.bin, and returns what it printed. Throws if it fails. */
  run(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): string
  /** Starts a command of node_modules/.bin, and waits until its output matches. */
  start(
    command: string,
    args: readonly string[],
    ready: RegExp,
    env?: Readonly<Record<string, string>>,
  ): Promise<ChildProcess>
  /** Ends all that it started, and removes the folder. */
  remove(): Promise<void>
}

/**
 * Makes a project outside the repository, as a user has it, so that it resolves only what it
 * installed. For tests of test:interop: needs the registry of npm.
 */
export function createProject(
  name: string,
  packages: readonly TriedPackage[],
  type: 'module' | 'commonjs' = 'module',
): Project {
  const folder = mkdtempSync(join(tmpdir(), `twinkey-${name}-`))
  const started: ChildProcess[] = []
  const execute = (command: string, args: readonly string[], cwd: string, env = {}) => {
    try {
      return execFileSync(command, args, {
        cwd,
        env: { ...process.env, ...env },
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string }
      throw new Error(`${command} ${args.join(' ')}: ${stdout ?? ''}${stderr ?? ''}`)
    }
  }
  const [{ filename }] = JSON.parse(
    execute('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  ) as [{ filename: string }]
  const dependencies = Object.fromEntries(
    packages.map((each) => [each.replace(/(?<=.)@\d+$/, ''), tried[each]]),
  )
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({
      private: true,
      type,
      dependencies: { ...dependencies, twinkey: `file:${filename}` },
    }),
  )
  execute('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], folder)
  const bin = (command: string) => join(folder, 'node_modules/.bin', command)

  return {
    folder,
    write(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        writeFileSync(join(folder, path), text)
      }
    },
    run: (command, args, env) => execute(bin(command), args, folder, env),
    async start(command, args, ready, env = {}) {
      const child = spawn(bin(command), args, {
        cwd: folder,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own: a command may start others, which must end with it.
        detached: true,
      })
      started.push(child)
      let printed = ''
      await new Promise<void>((found, failed) => {
        const hear = (chunk: Buffer) => {
          printed += chunk
          if (ready.test(printed)) found()
        }
        child.stdout.on('data', hear)
        child.stderr.on('data', hear)
        child.once('error', failed)
        child.once('exit', (code) => failed(new Error(`It ended with ${code}: ${printed}`)))
      })
      return child
    },
    async remove() {
      for (const child of started) {
        if (child.exitCode !== null || child.signalCode !== null) continue
        const ended = new Promise((exited) => child.once('exit', exited))
        process.kill(-(child.pid as number), 'SIGKILL')
        await ended
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
