// The processes of the HTTP part: servers on one processor, the load on another, where the system
// can hold them there.
import { fork, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const canPin =
  availableParallelism() > 1 && spawnSync('taskset', ['--cpu-list', '0,1', 'true']).status === 0

/** Starts the process that drives the servers. */
export function startLoad() {
  return start('load.mjs', [], 1)
}

/** Starts a server with one side in front of its handler, and waits until it listens. */
export async function startServer(framework, name, counts) {
  const child = start('server.mjs', [framework, name, JSON.stringify(counts)], 0)
  return { child, ...(await answerOf(child)) }
}

/** Sends a message to a child and waits for what it answers. */
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
