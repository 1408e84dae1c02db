import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { accountOf, freePort, type PostgresServer, run } from './postgres.ts'

/**
 * A connection pool between clients and a server. It ends with this process, even if the process is
 * killed.
 */
export interface PgBouncer {
  readonly url: string
  stop(): Promise<void>
}

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/pgbouncer', import.meta.url))
const UNPACKED = join(CACHE, 'root')
const READY_WITHIN_MILLISECONDS = 15_000
const KEEPER = '"$@" & server=$!; read -r word; kill -9 $server; wait $server; rm -rf "$FOLDER"'

/**
 * Starts PgBouncer in transaction mode in front of a server: every statement may run on another
 * connection, without session state and without prepared statements.
 */
export async function startPgBouncer(server: PostgresServer): Promise<PgBouncer> {
  const { path, libraries } = await executable()
  const account = accountOf()
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-pgbouncer-'))
  chmodSync(folder, 0o755)
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid ?? account.uid)
  const port = await freePort()
  const config = join(folder, 'pgbouncer.ini')
  writeFileSync(config, configOf(server, port, path, libraries))
  const log = openSync(join(folder, 'log'), 'a')
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', path, config], {
    ...account,
    detached: true,
    stdio: ['pipe', log, log],
    env: { ...process.env, FOLDER: folder, ...environmentOf(libraries) },
  })
  closeSync(log)
  const ended = once(keeper, 'exit')
  keeper.stdin?.on('error', () => {})
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const stop = async () => {
    keeper.stdin?.end('')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  for (const limit = Date.now() + READY_WITHIN_MILLISECONDS; !(await answers(url)); ) {
    if (Date.now() > limit) {
      const said = readFileSync(join(folder, 'log'), 'utf8').slice(-2000)
      await stop()
      throw new Error(`PgBouncer on port ${port} does not answer: ${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { url, stop }
}

function configOf(
  { host, port }: PostgresServer,
  listenPort: number,
  path: string,
  libraries: string | undefined,
): string {
  const { stdout } = spawnSync(path, ['--version'], {
    env: { ...process.env, ...environmentOf(libraries) },
    encoding: 'utf8',
  })
  const [, minor = 0] = /PgBouncer 1\.(\d+)/.exec(stdout) ?? []
  return `[databases]
postgres = host=${host} port=${port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
server_reset_query = DISCARD ALL
server_reset_query_always = 1
${Number(minor) >= 21 ? 'max_prepared_statements = 0' : ''}
`
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

interface Executable {
  readonly path: string
  readonly libraries: string | undefined
}

const environmentOf = (libraries: string | undefined) =>
  libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }

async function executable(): Promise<Executable> {
  if (spawnSync('pgbouncer', ['--version']).status === 0)
    return { path: 'pgbouncer', libraries: undefined }
  return unpacked() ?? (await fetched())
}

function unpacked(): Executable | undefined {
  const path = join(UNPACKED, 'usr/sbin/pgbouncer')
  if (!existsSync(path)) return undefined
  const lib = join(UNPACKED, 'usr/lib')
  const libraries = [lib, ...readdirSync(lib).map((name) => join(lib, name))].join(':')
  const { status, stderr } = spawnSync(path, ['--version'], {
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${path} does not run: ${stderr}`)
  return { path, libraries }
}

// Downloads the packages of the distribution and unpacks them beside the dependencies, which needs
// no root and installs no service. Several processes run tests: each downloads into its own folder,
// and the first to finish moves it into place.
async function fetched(): Promise<Executable> {
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'fetching-'))
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
      'pgbouncer',
    ])
  } catch (cause) {
    throw new Error(
      'pgbouncer is missing, and apt-get could not fetch it. Install PgBouncer 1.18 or later.',
      { cause },
    )
  }
  const archives = join(work, 'archives')
  for (const name of readdirSync(archives).filter((each) => each.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(archives, name), join(work, 'root')])
  }
  try {
    renameSync(join(work, 'root'), UNPACKED)
  } catch (error) {
    if (!existsSync(UNPACKED)) throw error
  }
  rmSync(work, { recursive: true })
  return unpacked() as Executable
}
