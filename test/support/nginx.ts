import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { debianProgram } from './debian.ts'
import { freePort } from './postgres.ts'

/** A proxy in front of a server. It ends with the process, however that ends. */
export interface Nginx {
  readonly port: number
  stop(): Promise<void>
}

const READY_WITHIN_MILLISECONDS = 15_000
const KEEPER = '"$@" & server=$!; read -r word; kill -9 $server; wait $server; rm -rf "$FOLDER"'

/**
 * Starts nginx in front of a port of this machine, with nothing set towards the upstream: it asks by HTTP/1.0 and `Connection: close`.
 *
 * @param location Further directives for the location.
 */
export async function startNginx(upstream: number, location = ''): Promise<Nginx> {
  const { path, env } = await debianProgram('nginx', '-v')
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-nginx-'))
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  writeFileSync(config, configOf(folder, port, upstream, location))
  const log = openSync(join(folder, 'log'), 'a')
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', path, '-p', folder, '-c', config, '-e', join(folder, 'log')], {
    detached: true,
    stdio: ['pipe', log, log],
    env: { ...process.env, FOLDER: folder, ...env },
  })
  closeSync(log)
  const ended = once(keeper, 'exit')
  keeper.stdin?.on('error', () => {})
  const stop = async () => {
    keeper.stdin?.end('')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  for (const limit = Date.now() + READY_WITHIN_MILLISECONDS; !(await listens(port)); ) {
    if (Date.now() > limit) {
      const said = readFileSync(join(folder, 'log'), 'utf8').slice(-2000)
      await stop()
      throw new Error(`nginx on port ${port} does not answer: ${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { port, stop }
}

// One process: it ends at once, and leaves no worker behind.
function configOf(folder: string, port: number, upstream: number, location: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`)
  return `daemon off;
master_process off;
pid ${folder}/pid;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  client_max_body_size 64m;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${upstream};
      ${location}
    }
  }
}
`
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
