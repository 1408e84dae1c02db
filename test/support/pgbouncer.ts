import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { debianProgram } from './debian.ts'
import { accountOf, freePort, type PostgresServer } from './postgres.ts'

/**
 * A connection pool between clients and a server. It ends with this process, even if the process is
 * killed.
 */
export interface PgBouncer {
  readonly url: string
  stop(): Promise<void>
}

const READY_WITHIN_MILLISECONDS = 15_000
const KEEPER = '"$@" & server=$!; read -r word; kill -9 $server; wait $server; rm -rf "$FOLDER"'

/**
 * Starts PgBouncer in transaction mode in front of a server: every statement may run on another
 * connection, without session state and without prepared statements.
 */
export async function startPgBouncer(server: PostgresServer): Promise<PgBouncer> {
  const { path, env } = await debianProgram('pgbouncer', '--version')
  const account = accountOf()
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-pgbouncer-'))
  chmodSync(folder, 0o755)
  if (account.uid !== undefined) chownSync(folder, account.uid, account.gid ?? account.uid)
  const port = await freePort()
  const config = join(folder, 'pgbouncer.ini')
  writeFileSync(config, configOf(server, port, path, env))
  const log = openSync(join(folder, 'log'), 'a')
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', path, config], {
    ...account,
    detached: true,
    stdio: ['pipe', log, log],
    env: { ...process.env, FOLDER: folder, ...env },
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
  env: Readonly<Record<string, string>>,
): string {
  const { stdout } = spawnSync(path, ['--version'], {
    env: { ...process.env, ...env },
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
