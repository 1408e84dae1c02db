import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { debianProgram } from './debian.ts'
import { freePort } from './postgres.ts'

/** A reverse proxy. It ends with the process, even if the process is killed. */
export interface ProxyServer {
  readonly port: number
  readonly url: string
  stop(): Promise<void>
}

/** The tested part of a configuration, for a proxy that listens on this port of 127.0.0.1. */
export type ProxyConfig = (port: number) => string

const HOST = '127.0.0.1'
const READY_WITHIN_MILLISECONDS = 15_000
const KEEPER = '"$@" & server=$!; read -r word; kill -9 $server; wait $server; rm -rf "$FOLDER"'
const MAX_ATTEMPTS = 5

/** Starts nginx as one process. `http` is the content of the http block. */
export function nginx(http: ProxyConfig): Promise<ProxyServer> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return start('nginx', '-v', {
    args: (folder) => ['-p', folder, '-e', 'stderr', '-c', join(folder, 'config')],
    text: (folder, port) => `daemon off;
master_process off;
pid ${folder}/pid;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
${http(port)}
}
`,
  })
}

/** Starts HAProxy. `proxies` are the sections after `global`. */
export function haproxy(proxies: ProxyConfig): Promise<ProxyServer> {
  // One thread, because each thread has its own connection pool.
  const text = (_folder: string, port: number) => `global\n  nbthread 1\n${proxies(port)}\n`
  return start('haproxy', '-v', { args: (folder) => ['-db', '-f', join(folder, 'config')], text })
}

/**
 * Starts Caddy. `sites` is the part of the Caddyfile after the global options, of which there may be
 * more.
 */
export function caddy(sites: ProxyConfig, options = ''): Promise<ProxyServer> {
  return start('caddy', 'version', {
    args: (folder) => ['run', '--adapter', 'caddyfile', '--config', join(folder, 'config')],
    text: (_folder, port) => `{
  admin off
  auto_https off
  ${options}
}
${sites(port)}
`,
  })
}

interface Invocation {
  args(folder: string): readonly string[]
  text(folder: string, port: number): string
}

async function start(
  name: string,
  versionFlag: string,
  { args, text }: Invocation,
  attempt = 1,
): Promise<ProxyServer> {
  const { path, env } = await debianProgram(name, versionFlag)
  const folder = mkdtempSync(join(tmpdir(), `twinkey-${name}-`))
  const port = await freePort()
  writeFileSync(join(folder, 'config'), text(folder, port))
  const log = openSync(join(folder, 'log'), 'a')
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', path, ...args(folder)], {
    detached: true,
    stdio: ['pipe', log, log],
    env: {
      ...process.env,
      HOME: folder,
      XDG_CONFIG_HOME: folder,
      XDG_DATA_HOME: folder,
      FOLDER: folder,
      ...env,
    },
  })
  closeSync(log)
  const ended = once(keeper, 'exit')
  keeper.stdin?.on('error', () => {})
  const stop = async () => {
    keeper.stdin?.end('')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  for (const limit = Date.now() + READY_WITHIN_MILLISECONDS; !(await accepts(port)); ) {
    const said = readFileSync(join(folder, 'log'), 'utf8').slice(-2000)
    const isTaken = /in use|cannot bind/i.test(said)
    if (isTaken || Date.now() > limit) {
      await stop()
      // Another process may have taken the port in the meantime.
      if (isTaken && attempt < MAX_ATTEMPTS)
        return start(name, versionFlag, { args, text }, attempt + 1)
      throw new Error(`${name} on port ${port} does not answer: ${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { port, url: `http://${HOST}:${port}`, stop }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST)
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.on('close', () => socket.destroy())
    socket.once('connect', () => socket.destroy())
  })
}
