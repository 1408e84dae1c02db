import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { secretPattern } from 'twinkey'
import { freePort } from '../../test/support/postgres.ts'
import type { Progress } from './figure.ts'

const SECRET = new RegExp(secretPattern('acme'), 'g')
const PATIENCE_MILLISECONDS = 30_000
const SERVER = `
import express from 'express'
import { requireAuth } from 'twinkey/express'
import { twinkey } from './twinkey.config.ts'

const app = express()
app.get('/customers', requireAuth(twinkey, { workflow: 'customers.read' }), (req, res) => {
  res.json({ caller: req.principal.name, tenant: req.principal.tenant })
})
app.listen(Number(process.env.PORT))
`

/** A folder of a new project, in which a person types commands. */
export interface Session {
  /** Runs a command, shows it with its output, and returns the output. */
  type(command: string): Promise<string>
  /** Starts the API, and returns a function that calls it and returns the status of the answer. */
  serve(): Promise<(secret?: string) => Promise<number>>
  end(): void
}

/** Makes an empty folder with a configuration and an API. Nothing is installed yet. */
export function startSession(config: string, progress: Progress): Session {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-session-'))
  const files = {
    'package.json': '{ "private": true, "type": "module" }',
    'twinkey.config.ts': config,
    'server.ts': SERVER,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const servers: number[] = []
  const show = (text: string) => {
    for (const line of text.replaceAll(SECRET, hidden).trimEnd().split('\n')) progress(line)
  }

  return {
    type(command) {
      progress(`$ ${command}`)
      return new Promise((resolve, reject) => {
        execFile('sh', ['-c', command], { cwd: folder, env: ownEnv() }, (error, out, err) => {
          show(out + err)
          if (error === null) resolve(out)
          else reject(new Error(`${command} failed: ${(out + err).replaceAll(SECRET, hidden)}`))
        })
      })
    },
    async serve() {
      const port = await freePort()
      progress('$ npx tsx server.ts &')
      // In its own process group, because npx starts further processes.
      const server = spawn('npx', ['tsx', 'server.ts'], {
        cwd: folder,
        env: { ...ownEnv(), PORT: `${port}` },
        stdio: ['ignore', 'ignore', 'inherit'],
        detached: true,
      })
      servers.push(server.pid as number)
      const call = async (secret?: string) => {
        const headers = secret === undefined ? {} : { 'X-API-Key': secret }
        const answer = await fetch(`http://127.0.0.1:${port}/customers`, { headers })
        await answer.arrayBuffer()
        return answer.status
      }
      await until(async () => (await call().catch(() => 0)) > 0, 'The API does not answer.')
      return call
    },
    end() {
      for (const pid of servers) process.kill(-pid, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

/** Waits until something holds. */
export async function until(holds: () => Promise<boolean>, otherwise: string): Promise<void> {
  const limit = performance.now() + PATIENCE_MILLISECONDS
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(otherwise)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The one secret in an output. */
export function secretIn(output: string): string {
  const [secret] = output.match(SECRET) ?? []
  if (secret === undefined) throw new Error('The output has no secret.')
  return secret
}

function hidden(secret: string): string {
  return `${secret.slice(0, 21)}…${secret.slice(-4)}`
}

// Without what npm adds to the environment of its scripts, which names the folder of this project.
function ownEnv(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, ...env } = process.env
  const added = /^npm_(?:config_local_prefix|package_|lifecycle_)|^INIT_CWD$/
  return Object.fromEntries(Object.entries(env).filter(([name]) => !added.test(name)))
}
