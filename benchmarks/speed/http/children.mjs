// The processes of the HTTP part: servers on one processor, the load generator on another, if the
// system supports pinning.
import { fork, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['--cpu-list', '0,1', 'true']).status === 0

/** Starts the load generator. */
export function startLoad() {
  return start('load.mjs', [], 1)
}

/** Starts a server with one side in front of its handler. Resolves when it listens. */
export async function startServer(framework, name, counts) {
  const child = start('server.mjs', [framework, name, JSON.stringify(counts)], 0)
  return { child, ...(await answerOf(child)) }
}

/** Sends a message to a child and waits for the answer. */
export function ask(child, message) {
  child.send(message)
  return answerOf(child)
}

function start(file, args, processor) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const env = { ...process.env, NODE_ENV: 'production' }
  if (!canPin) return fork(path, args, { env })
  return fork(path, args, {
    env,
    execPath: 'taskset',
    execArgv: ['--cpu-list', String(processor), process.execPath],
  })
}

function answerOf(child) {
  return new Promise((resolve, reject) => {
    const ended = (code) =>
      reject(new Error(`${child.spawnargs.slice(-3).join(' ')} ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (answer) => {
      child.off('exit', ended)
      resolve(answer)
    })
  })
}
