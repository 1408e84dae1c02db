/** Keys in Redis. @module twinkey/stores/redis */

import type { KeyStore } from '../../core/store/store.ts'
import { openFeed } from '../shared/feed.ts'
import { createForget } from './forget.ts'
import { createNames, type Names } from './names.ts'
import { createOldIndex } from './old-index.ts'
import { checkRedisOptions, type RedisStoreOptions } from './options.ts'
import { createPages } from './pages.ts'
import {
  createScriptRunner,
  type IoRedisClient,
  type NodeRedisClient,
  type RunScript,
} from './script.ts'
import { CLOCK, INSPECT, USE } from './scripts.ts'
import { redisSettingsProblems } from './settings.ts'
import { connectSubscriber } from './subscriber.ts'
import { createTimeIndex } from './time-index.ts'
import { createWrites } from './writes.ts'

export type { RedisStoreOptions } from './options.ts'
export type { IoRedisClient, NodeRedisClient } from './script.ts'
export type { IoRedisSubscriber, NodeRedisSubscriber, RedisSubscriber } from './subscriber.ts'

/** A {@link KeyStore} in Redis. */
export interface RedisStore extends KeyStore {
  /**
   * Moves the index of the pre-release into the index of this version. Call it when a process starts.
   * Several processes may call it at once. After an interruption, the next call continues. Does
   * nothing if there is no index of the pre-release.
   *
   * Begins with one script in which the server answers nothing else: about 0.1 seconds for 100,000
   * keys, and up to 3 seconds for a million. From then on, processes of the pre-release still verify
   * keys, but cannot change, delete or list them. Until all keys are moved, `list` and `put` of this
   * version throw.
   *
   * @throws Error if a record is malformed. The message names its Redis key.
   */
  migrate(): Promise<void>
}

/**
 * Keeps keys in Redis 6 or later, one server or a cluster.
 *
 * Every record is one Redis key, and its history is another one in the same slot. One script changes
 * both by compare-and-set. `get` is one round trip.
 * In a cluster, the store reads from masters only, regardless of the read settings of the client.
 * Do not connect a client of a single server to a replica. `list` and `history` read indexes beside
 * the records. A crash can only leave extra members in them, which the store ignores.
 *
 * Call `migrate()` if the pre-release has written to the same Redis.
 *
 * The server settings decide whether an acknowledged write is durable:
 *
 * - Without `appendonly yes`, a restart loses everything.
 * - With `appendfsync everysec`, a power cut loses about one second of writes. With `always`, it
 *   loses nothing.
 * - `maxmemory-policy` must be `noeviction`.
 *
 * A failover to a replica can lose the last writes **and make a revoked key active again**. In a
 * cluster it can also lose a member of an index. `list` and `revokeAll` then miss that key until its
 * next write. If you cannot accept that, keep keys in PostgreSQL.
 *
 * @param client A client of node-redis (`createClient`, `createCluster`) or ioredis (`Redis`,
 *   `Cluster`). You connect and close it. Add an `error` listener: without a listener, an error of
 *   node-redis ends the process.
 * @param options The prefix, and the connection for changes.
 * @returns The store. It has `watch` if `subscriber` is set.
 * @throws TypeError if the client or an option is invalid.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
 * @example
 * ```ts
 * import { createClient } from 'redis'
 * import { createTwinkey } from 'twinkey'
 * import { redisStore } from 'twinkey/stores/redis'
 *
 * const client = createClient({ url: 'redis://localhost:6379' }).on('error', () => {})
 * await client.connect()
 * const store = redisStore(client, { subscriber: () => client.duplicate() })
 * const twinkey = createTwinkey({ store })
 * ```
 */
export function redisStore(
  client: NodeRedisClient | IoRedisClient,
  options: RedisStoreOptions = {},
): RedisStore {
  const { prefix, subscriber } = checkRedisOptions(client, options)
  const names = createNames(prefix)
  const run = createScriptRunner(client)
  const keys = createTimeIndex(run, names.keys)
  const entries = createTimeIndex(run, names.entries)
  const old = createOldIndex(run, names, keys)
  const parts = { keys, entries, old }

  const store: RedisStore = {
    ...createPages(run, names, parts),
    ...createWrites(run, names, parts),
    forgetHistory: createForget(run, names, entries),
    recordUse: createRecordUse(run, names),
    migrate: old.migrate,
    async inspect(signal) {
      const reply = await run(INSPECT, names.keys('key'), [], signal)
      const [policy = '', hasLog = ''] = reply as string[]
      return redisSettingsProblems(policy, hasLog)
    },
    async clock(signal) {
      const [seconds = '', micros = ''] = (await run(
        CLOCK,
        names.keys('key'),
        [],
        signal,
      )) as string[]
      return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
    },
  }
  if (subscriber === undefined) return store
  return {
    ...store,
    watch: (changed, failed) =>
      openFeed(connectSubscriber(subscriber, names.channel), changed, failed),
  }
}

// Maximum number of records that are changed at once.
const CHUNK = 128

function createRecordUse(run: RunScript, names: Names): KeyStore['recordUse'] {
  return async (uses, signal) => {
    const byKey = new Map<string, string[]>()
    for (const { keyId, secretId, usedAt } of uses) {
      const args = byKey.get(keyId) ?? []
      byKey.set(keyId, args)
      args.push(secretId, String(usedAt))
    }
    const calls = [...byKey]
    for (let at = 0; at < calls.length; at += CHUNK) {
      await Promise.all(
        calls.slice(at, at + CHUNK).map(([id, args]) => run(USE, names.record(id), args, signal)),
      )
    }
  }
}
