import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as mariadb from 'mariadb'
import mysql from 'mysql2/promise'
import type { MysqlPool } from 'twinkey/stores/mysql'
import { type DebianProgram, debianProgram } from './debian.ts'
import { accountOf, freePort } from './postgres.ts'

/** A server of this process. It ends with the process, even if the process is killed. */
export interface MariadbServer {
  readonly host: string
  readonly port: number
  /** The URL of its database `app`, with all rights and without a password. */
  readonly url: string
  /** Runs statements with all rights, one after another. Returns the rows of the last as lists. */
  ask(...statements: readonly string[]): Promise<unknown[][]>
  /** Kills it with `kill -9`, as a power cut would. Data in the kernel's buffers survives. */
  crash(): Promise<void>
  /** Starts it again with the same data and port, and it recovers by itself. */
  start(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** The settings of a server. */
export interface MariadbOptions {
  /** Variables of the server, each as name and value. Default: each commit is synced. */
  readonly config?: Readonly<Record<string, string>>
}

/** For tests that do not depend on the disk. */
export const WITHOUT_SYNC = {
  innodb_flush_log_at_trx_commit: '0',
  innodb_flush_method: 'nosync',
  innodb_doublewrite: '0',
} as const

/** A pool of either client library. */
export interface Pool extends MysqlPool {
  end(): Promise<void>
}

const HOST = '127.0.0.1'
const READY_WITHIN_MILLISECONDS = 30_000
const SYSTEM_TABLES = ['mysql_system_tables.sql', 'mysql_system_tables_data.sql']

// As in redis.ts: the server must end with this process, even if the process is killed.
const KEEPER =
  '"$@" & server=$!; read -r word; kill -9 $server; wait $server; [ "$word" = keep ] || rm -rf "$FOLDER"'

/** Starts a server on a free port with its own data. */
export async function startMariadb({ config = {} }: MariadbOptions = {}): Promise<MariadbServer> {
  const program = await debianProgram('mariadbd', '--version', undefined, 'mariadb-server-core')
  const account = accountOf()
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-mariadb-'))
  const data = join(folder, 'data')
  // At its start, a server removes all temporary tables in its folder, even those of other servers.
  const temporary = join(folder, 'tmp')
  for (const each of [data, temporary]) mkdirSync(each)
  for (const each of [folder, data, temporary])
    if (account.uid !== undefined) chownSync(each, account.uid, account.gid ?? account.uid)
  const share = shareOf(program)
  const flags = [
    ...['--no-defaults', `--datadir=${data}`, `--tmpdir=${temporary}`],
    `--lc-messages-dir=${share}`,
  ]
  const environment = { ...process.env, ...program.env, FOLDER: folder }
  await makeSystemTables()
  const port = await freePort()
  const url = `mysql://root@${HOST}:${port}/app`
  let end: ((word: string) => Promise<void>) | undefined

  async function makeSystemTables(): Promise<void> {
    const server = spawn(program.path, [...flags, '--bootstrap', '--innodb-flush-method=nosync'], {
      ...account,
      env: environment,
      stdio: ['pipe', 'ignore', 'pipe'],
    })
    let said = ''
    server.stderr.on('data', (text) => {
      said += text
    })
    server.stdin.on('error', () => {})
    const scripts = SYSTEM_TABLES.map((name) => readFileSync(join(share, name), 'utf8'))
    server.stdin.end(`create database mysql;\nuse mysql;\n${scripts.join('\n')}`)
    const [code] = await once(server, 'close')
    if (code !== 0) throw new Error(`MariaDB could not make its tables: ${said.slice(-2000)}`)
  }

  async function ask(...statements: readonly string[]): Promise<unknown[][]> {
    const connection = await mysql.createConnection({ host: HOST, port, user: 'root' })
    connection.on('error', () => {})
    try {
      await connection.query('create database if not exists app')
      await connection.query('use app')
      let rows: unknown[][] = []
      for (const sql of statements)
        rows = (await connection.query({ sql, rowsAsArray: true }))[0] as unknown[][]
      return rows
    } finally {
      connection.destroy()
    }
  }

  async function start(): Promise<void> {
    const log = openSync(join(folder, 'log'), 'a')
    writeSync(log, '\n')
    const settings = {
      bind_address: HOST,
      port: String(port),
      socket: join(folder, 'socket'),
      pid_file: join(folder, 'pid'),
      skip_name_resolve: 'on',
      max_connections: '200',
      ...config,
    }
    const variables = Object.entries(settings).map(([name, value]) => `--${name}=${value}`)
    const keeper = spawn('sh', ['-c', KEEPER, 'sh', program.path, ...flags, ...variables], {
      ...account,
      // In its own process group, so that an interrupt from the terminal does not end the keeper
      // before the server.
      detached: true,
      stdio: ['pipe', log, log],
      env: environment,
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
    // The data directory identifies the server, because another one may use the port.
    const isReady = () => ask('select @@datadir').then(([row]) => row?.[0] === `${data}/`)
    while (!(await isReady().catch(() => false))) {
      if (Date.now() > limit) {
        const said = readFileSync(join(folder, 'log'), 'utf8').slice(-2000)
        await end('keep\n')
        throw new Error(`MariaDB on port ${port} does not answer: ${said}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  await start()
  return {
    host: HOST,
    port,
    url,
    ask,
    start,
    async crash() {
      await end?.('keep\n')
    },
    async stop() {
      await end?.('')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The folder with the messages and scripts of the server, installed or unpacked. */
function shareOf({ path }: DebianProgram): string {
  const unpacked = join(dirname(dirname(path)), 'share/mysql')
  return existsSync(unpacked) ? unpacked : '/usr/share/mysql'
}

/** Opens a pool as the documentation of each client library says. */
export function openPool(
  library: 'mysql2' | 'mariadb',
  url: string,
  { max = 10, ...options }: { readonly max?: number; readonly [option: string]: unknown } = {},
): Pool {
  const { hostname, port, username, pathname } = new URL(url)
  const settings = {
    host: hostname,
    port: Number(port),
    user: username,
    database: pathname.slice(1),
    connectionLimit: max,
    ...options,
  }
  return library === 'mysql2' ? mysql.createPool(settings) : mariadb.createPool(settings)
}
