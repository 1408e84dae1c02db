import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createClient } from 'redis'
import { startRedis } from '../../test/support/redis.ts'
import type { Bed, Fault } from './faults-bed.ts'
import type { Weather } from './proxy.ts'

const LOCK = fileURLToPath(new URL('faults-lock.ts', import.meta.url))

/** Faults of the connection and of the server, by name. */
export const wireFaults: Readonly<Record<string, Fault>> = {
  'connection lost: refused': weather('refused'),
  'connection lost: ended with every answer': weather('cut'),
  'connection lost: silent for ever': weather('silent'),
  'timeout: frozen': weather('frozen'),
  'slow: late on the wire': weather('slow'),
  'garbage: other bytes': weather('garbled'),
  'partial answer: ended in the middle': weather('cut in the middle'),
  'partial answer: silent in the middle': weather('silent in the middle'),
  'failover: killed, and started again': async ({ backend }) => {
    await backend.crash()
    return () => backend.start()
  },
}

function weather(next: Weather): Fault {
  return async ({ proxy }) => {
    await proxy?.become(next)
    return async () => proxy?.become('clear')
  }
}

/** Kills Redis permanently and promotes its replica. Possible once for each server. */
export const promotion: Fault = async ({ backend, proxy, traffic, defer }) => {
  const url = new URL(urlOf(backend))
  const replica = await startRedis()
  defer(() => replica.stop())
  const primary = createClient({ url: url.href }).on('error', () => {})
  await primary.connect()
  await primary.configSet('repl-diskless-sync-delay', '0')
  await replica.command('REPLICAOF', url.hostname, url.port)
  // A failover to a replica can lose the last acknowledged writes, as documented. So writes pause,
  // and the replica has received the last one.
  await traffic.withoutWrites(async () => {
    await primary.set('last', 'write')
    if ((await primary.wait(1, 10_000)) !== 1) throw new Error('the replica does not follow')
    primary.destroy()
    await backend.crash()
  })
  return async () => {
    await replica.command('REPLICAOF', 'NO', 'ONE')
    proxy?.lead(replica.port)
  }
}

/** Another process holds the write lock of a SQLite file. */
export const locked: Fault = async ({ backend: { address } }) => {
  const child = fork(LOCK, ['file' in address ? address.file : ''])
  const ended = once(child, 'exit')
  const word = await Promise.race([once(child, 'message'), ended])
  if (word[0] !== 'locked') throw new Error(`it ended with ${word} before it had the lock`)
  return async () => {
    child.kill('SIGKILL')
    await ended
  }
}

function urlOf({ address }: Bed['backend']): string {
  if ('url' in address) return address.url
  throw new TypeError('SQLite has no server')
}
