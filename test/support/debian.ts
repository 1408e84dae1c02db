import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './postgres.ts'

/** A program, and the environment that it needs beside that of the process. */
export interface Program {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
}

const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url))

/**
 * Finds a program: on the machine, or else unpacked from a package of Debian beside the dependencies. That needs no root, and puts no service on the machine.
 *
 * @param name The program and its package.
 * @param probe An argument with which the program ends at once, and well.
 * @param unpackedEnv What the program needs when it runs out of that folder.
 */
export async function debianProgram(
  name: string,
  probe: string,
  unpackedEnv: (root: string) => Readonly<Record<string, string>> = () => ({}),
): Promise<Program> {
  if (spawnSync(name, [probe]).status === 0) return { path: name, env: {} }
  const root = join(CACHE, name, 'root')
  if (!existsSync(root)) await fetch(name, root)
  const path = ['usr/sbin', 'usr/bin'].map((folder) => join(root, folder, name)).find(existsSync) ?? name
  const lib = join(root, 'usr/lib')
  const folders = existsSync(lib) ? [lib, ...readdirSync(lib).map((each) => join(lib, each))] : []
  const env = { LD_LIBRARY_PATH: folders.join(':'), ...unpackedEnv(root) }
  const { status, stderr, error } = spawnSync(path, [probe], { env: { ...process.env, ...env }, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${path} does not run: ${stderr ?? String(error)}`)
  return { path, env }
}

// Tests run in several processes: each fetches into a folder of its own, and the first to be done puts it in place.
async function fetch(name: string, root: string): Promise<void> {
  mkdirSync(join(root, '..'), { recursive: true })
  const work = mkdtempSync(join(root, '../fetching-'))
  for (const folder of ['lists/partial', 'archives/partial']) mkdirSync(join(work, folder), { recursive: true })
  const places = [`Dir::State::lists=${work}/lists`, `Dir::Cache=${work}`, `Dir::Log=${work}`, 'Debug::NoLocking=1', 'APT::Sandbox::User=']
  const options = places.flatMap((place) => ['-o', place])
  try {
    await run('apt-get', [...options, 'update'])
    await run('apt-get', [...options, 'install', '-y', '--no-install-recommends', '--download-only', name])
  } catch (cause) {
    throw new Error(`${name} is missing, and apt-get could not fetch it. Install ${name}.`, { cause })
  }
  const archives = join(work, 'archives')
  for (const file of readdirSync(archives).filter((each) => each.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(archives, file), join(work, 'root')])
  }
  try {
    renameSync(join(work, 'root'), root)
  } catch (error) {
    if (!existsSync(root)) throw error
  }
  rmSync(work, { recursive: true })
}
