import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './postgres.ts'

/** A program of a Debian package, and the folder of its libraries if they are not installed. */
export interface DebianProgram {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
}

type UnpackedEnv = (root: string) => Readonly<Record<string, string>>

const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url))
const FOLDERS = ['usr/sbin', 'usr/bin']

/**
 * Finds a program of a Debian package. If the program is not installed, downloads the package and
 * unpacks it beside the dependencies, which needs no root and installs no service.
 *
 * @param versionFlag The argument that makes the program print its version.
 * @param unpackedEnv The environment of the program when it runs from the unpacked folder.
 * @param packageName The package, if its name is not that of the program.
 */
export async function debianProgram(
  name: string,
  versionFlag: string,
  unpackedEnv: UnpackedEnv = () => ({}),
  packageName = name,
): Promise<DebianProgram> {
  const installed = [name, ...FOLDERS.map((folder) => `/${folder}/${name}`)].find(
    (path) => spawnSync(path, [versionFlag]).status === 0,
  )
  if (installed !== undefined) return { path: installed, env: {} }
  const found = unpacked(name, versionFlag, unpackedEnv)
  if (found !== undefined) return found
  await fetchInto(join(CACHE, name), [packageName])
  return unpacked(name, versionFlag, unpackedEnv) as DebianProgram
}

/**
 * Downloads packages that need no installation, such as fonts, or libraries for Python, with what
 * they need and the system lacks. Downloads them even if they are installed.
 *
 * @returns The folder that stands for the root of the system.
 */
export async function debianFiles(...names: readonly string[]): Promise<string> {
  const cache = join(CACHE, names.join('+'))
  const root = join(cache, 'root')
  if (!existsSync(root)) await fetchInto(cache, ['--reinstall', ...names])
  return root
}

function unpacked(
  name: string,
  versionFlag: string,
  unpackedEnv: UnpackedEnv,
): DebianProgram | undefined {
  const root = join(CACHE, name, 'root')
  // First the program itself, because a script in usr/bin may start it by its absolute path.
  const path = [
    join(root, 'usr/lib', name, name),
    ...FOLDERS.map((folder) => join(root, folder, name)),
  ].find(existsSync)
  if (path === undefined) return undefined
  const libraries = ['usr/lib', 'lib'].map((folder) => join(root, folder)).filter(existsSync)
  // As deep as usr/lib/x86_64-linux-gnu/pulseaudio.
  const folders = libraries.flatMap((lib) => [
    lib,
    ...foldersIn(lib).flatMap((each) => [each, ...foldersIn(each)]),
  ])
  const env = {
    ...(folders.length === 0 ? {} : { LD_LIBRARY_PATH: folders.join(':') }),
    ...unpackedEnv(root),
  }
  const { status, stderr } = spawnSync(path, [versionFlag], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${path} does not run: ${stderr}`)
  return { path, env }
}

function foldersIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((each) => each.isDirectory())
    .map(({ name }) => join(folder, name))
}

// Several processes run tests. Each downloads into its own folder, and the first to finish moves it
// into place.
async function fetchInto(cache: string, names: readonly string[]): Promise<void> {
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'fetching-'))
  for (const folder of ['lists/partial', 'archives/partial'])
    mkdirSync(join(work, folder), { recursive: true })
  const places = [
    `Dir::State::lists=${work}/lists`,
    `Dir::Cache=${work}`,
    `Dir::Log=${work}`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
  ]
  const options = places.flatMap((place) => ['-o', place])
  try {
    await run('apt-get', [...options, 'update'])
    await run('apt-get', [
      ...options,
      'install',
      '-y',
      '--no-install-recommends',
      '--download-only',
      ...names,
    ])
  } catch (cause) {
    const missing = names.filter((name) => !name.startsWith('-')).join(' and ')
    throw new Error(`${missing} is missing, and apt-get could not fetch it. Install ${missing}.`, {
      cause,
    })
  }
  const archives = join(work, 'archives')
  for (const archive of readdirSync(archives).filter((each) => each.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(archives, archive), join(work, 'root')])
  }
  const root = join(cache, 'root')
  try {
    renameSync(join(work, 'root'), root)
  } catch (error) {
    if (!existsSync(root)) throw error
  }
  rmSync(work, { recursive: true })
}
