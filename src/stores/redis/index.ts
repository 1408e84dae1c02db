/** Keys in Redis. @module twinkey/stores/redis */

import type { KeyRecord } from '../../core/model/api-key.ts'
import { labelsAsked } from '../../core/store/list-query.ts'
import type { KeyStore, ListQuery, StoredKey } from '../../core/store/store.ts'
import { openFeed } from '../shared/feed.ts'
import { createLabelIndex, type LabelIndex } from './label-index.ts'
import { checkRedisOptions, type RedisStoreOptions } from './options.ts'
import { isListed, parseRecord } from './record.ts'
import {
  CHANGE,
  COMMAND,
  createScriptRunner,
  INSPECT,
  type IoRedisClient,
  type NodeRedisClient,
  USE,
} from './script.ts'
import { redisSettingsProblems } from './settings.ts'
import { connectSubscriber } from './subscriber.ts'

export type { RedisStoreOptions } from './options.ts'
export type { IoRedisClient, NodeRedisClient } from './script.ts'
export type { IoRedisSubscriber, NodeRedisSubscriber, RedisSubscriber } from './subscriber.ts'

// Maximum number of records that are read or changed at once.
const CHUNK = 128
// Maximum number of index entries that one call of list reads. If a filter matches few keys, list
// returns a shorter page instead of exceeding its deadline.
const MAX_SCANNED = 5000

/**
 * Keeps keys in Redis 6 or later, one server or a cluster.
 *
 * Every record is one Redis key. One script changes it by compare-and-set. `get` is one round trip.
 * In a cluster, the store reads from masters only, regardless of the read settings of the client.
 * Do not connect a client of a single server to a replica. `list` reads an index beside the
 * records. A crash can only leave extra entries in that index, which `list` ignores.
 *
 * The server settings decide whether an acknowledged write is durable:
 *
 * - Without `appendonly yes`, a restart loses everything.
 * - With `appendfsync everysec`, a power cut loses about one second of writes. With `always`, it
 *   loses nothing.
 * - `maxmemory-policy` must be `noeviction`.
 *
 * A failover to a replica can lose the last writes **and make a revoked key active again**. In a
 * cluster it can also lose an index entry. `list` and `revokeAll` then miss that key until its next
 * write. If you cannot accept that, keep keys in PostgreSQL.
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
): KeyStore {
  const { prefix, subscriber } = checkRedisOptions(client, options)
  const channel = `${prefix}:changed`
  const run = createScriptRunner(client)

  const slot = (id: string) => `${prefix}:{${id}}`
  // Encoded, so that no label collides with the key of a record or of another label.
  const labelKey = (label: string) => `${prefix}:label:${encodeURIComponent(label)}`
  const labels = createLabelIndex(run, labelKey)
  const read = async (id: string, signal?: AbortSignal) =>
    parseRecord((await run(COMMAND, slot(id), ['HGETALL'], signal)) as string[])

  const change = async (
    signal: AbortSignal | undefined,
    id: string,
    expectedVersion: number | undefined,
    ...next: string[]
  ) =>
    (await run(
      CHANGE,
      slot(id),
      [String(expectedVersion ?? ''), channel, id, ...next],
      signal,
    )) as Answer

  const store: KeyStore = {
    get: read,
    async put(next, expectedVersion, signal) {
      const text = JSON.stringify({ ...next, lastUsedAt: undefined })
      const write = crypto.randomUUID()
      await labels.add(next, write, signal)
      const [outcome, ...replaced] = await change(
        signal,
        next.id,
        expectedVersion,
        String(next.version),
        write,
        text,
      ).catch(async (error: unknown) => {
        if ((error as { code?: unknown } | undefined)?.code === 'not_written')
          await labels.remove(text, write)
        throw error
      })
      if (outcome === 'stored') await labels.remove(...replaced)
      else await labels.remove(text, write)
      return outcome as 'stored' | 'conflict' | 'missing'
    },
    async delete(id, expectedVersion, signal) {
      const [outcome, ...deleted] = await change(signal, id, expectedVersion)
      await labels.remove(...deleted)
      return outcome as 'deleted' | 'conflict' | 'missing'
    },
    list: (query, signal) => listKeys(labels, read, query, signal),
    async recordUse(uses, signal) {
      const byKey = new Map<string, string[]>()
      for (const { keyId, secretId, usedAt } of uses) {
        const args = byKey.get(keyId) ?? []
        byKey.set(keyId, args)
        args.push(secretId, String(usedAt))
      }
      const calls = [...byKey]
      for (let at = 0; at < calls.length; at += CHUNK) {
        await Promise.all(
          calls.slice(at, at + CHUNK).map(([id, args]) => run(USE, slot(id), args, signal)),
        )
      }
    },
    async inspect(signal) {
      const [policy = '', hasLog = ''] = (await run(
        INSPECT,
        labelKey('key'),
        [],
        signal,
      )) as string[]
      return redisSettingsProblems(policy, hasLog)
    },
  }
  return subscriber === undefined
    ? store
    : {
        ...store,
        watch: (changed, failed) =>
          openFeed(connectSubscriber(subscriber, channel), changed, failed),
      }
}

// The reply of CHANGE: the outcome, and the replaced or deleted record with the id of its write.
type Answer = [outcome: string, text?: string | null, write?: string | null]

async function listKeys(
  labels: LabelIndex,
  read: (id: string, signal?: AbortSignal) => Promise<StoredKey | undefined>,
  query: ListQuery,
  signal: AbortSignal | undefined,
): Promise<Awaited<ReturnType<KeyStore['list']>>> {
  const [label] = labelsAsked(query)
  const keys: KeyRecord[] = []
  let last: string | undefined
  let after = query.cursor
  let count = query.limit + 1
  for (let scanned = 0; scanned < MAX_SCANNED; ) {
    const { ids, isEnd } = await labels.read(label, after, count, signal)
    const records = await Promise.all(ids.map((id) => read(id, signal)))
    for (const [i, record] of records.entries()) {
      if (record === undefined || !isListed(record, query)) continue
      if (keys.length === query.limit) return { keys, next: last }
      keys.push(record)
      last = ids[i]
    }
    if (isEnd) return { keys, next: undefined }
    after = ids.at(-1)
    scanned += count
    count = CHUNK
  }
  return { keys, next: after }
}
