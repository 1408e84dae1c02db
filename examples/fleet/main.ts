import cluster from 'node:cluster'
import { createServer } from 'node:net'
import { parseArgs } from 'node:util'
import { createTwinkey, generateSigningKey } from 'twinkey'
import { stopSignal } from '../demo/stop-signal.ts'
import { call } from './call.ts'
import { openStore, startDatabase } from './database.ts'
import { tour } from './tour.ts'

// Several processes behind one port, on one database: npm run fleet -- --store postgres --nodes 4

const { values } = parseArgs({
  options: {
    store: { type: 'string', default: 'postgres' },
    nodes: { type: 'string', default: '4' },
    port: { type: 'string', default: process.env['PORT'] ?? '0' },
    json: { type: 'boolean', default: false },
  },
})
const { store: kind } = values
const nodes = Number(values.nodes)
if (
  (kind !== 'postgres' && kind !== 'redis') ||
  !Number.isInteger(nodes) ||
  nodes < 1 ||
  nodes > 64
) {
  console.error(
    'Use: npm run fleet -- [--store postgres|redis] [--nodes 1 to 64] [--port N] [--json]',
  )
  process.exit(2)
}

const say = values.json ? () => {} : (line: string) => console.log(line)
const port = Number(values.port) || (await freePort())
const url = `http://localhost:${port}`
say(`Starting ${kind === 'postgres' ? 'PostgreSQL' : 'Redis'} and ${nodes} nodes…`)
const database = await startDatabase(
  kind,
  process.env[kind === 'postgres' ? 'DATABASE_URL' : 'REDIS_URL'],
)
const SIGNING_KEY = JSON.stringify(await generateSigningKey())

let stopping = false
for (let i = 0; i < nodes; i++)
  cluster.fork({ PORT: String(port), STORE_URL: database.url, SIGNING_KEY })
cluster.on('exit', () => {
  // Replace a node that exits. It had no state of its own.
  if (!stopping) cluster.fork({ PORT: String(port), STORE_URL: database.url, SIGNING_KEY })
})

// The operator's process: it manages keys and serves no requests.
const { store, close } = await openStore(database.url)
const admin = createTwinkey({ store, prefixes: ['fleet'], environments: ['production'] })

const stop = async (code: number) => {
  if (stopping) return
  stopping = true
  const gone = Object.values(cluster.workers ?? {}).map(
    (worker) => new Promise((resolve) => worker?.once('exit', resolve)),
  )
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
  await Promise.all(gone)
  await admin.close()
  await close()
  await database.stop()
  process.exit(code)
}
void stopSignal(process.ppid).then(() => stop(0))

await allServing()
const { ok, key, secret, figures } = await tour(admin, `${url}/customers`, nodes, say)
if (values.json) console.log(JSON.stringify({ url, nodes, store: kind, ok, secret, ...figures }))
say(`
The fleet stays up. Try it:
  curl -H 'Authorization: Bearer ${secret}' ${url}/customers
The key is ${key}. Stop with Ctrl-C.`)
if (!ok) await stop(1)

async function allServing(): Promise<void> {
  const seen = new Set<string>()
  const until = Date.now() + 30_000
  while (seen.size < nodes && Date.now() < until) {
    const answer = await call(`${url}/customers`, 'none').catch(() => undefined)
    if (answer === undefined) await new Promise((resolve) => setTimeout(resolve, 50))
    else seen.add(answer.node)
  }
  if (seen.size === nodes) return
  console.error(`Only ${seen.size} of ${nodes} nodes answered within 30 seconds.`)
  await stop(1)
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
