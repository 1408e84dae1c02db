/** Keys in Redis. @module twinkey/stores/redis */

import type { KeyRecord } from '../../core/model/api-key.ts'
import { requireMembers } from '../../core/model/options-checks.ts'
import { labelsAsked, labelsOf, matchesQuery } from '../../core/store/list-query.ts'
import type { KeyStore, ListQuery, StoredKey } from '../../core/store/store.ts'
import { openFeed } from '../shared/feed.ts'
import {
  CHANGE,
  COMMAND,
  createScriptRunner,
  INSPECT,
  type IoRedisClient,
  type NodeRedisClient,
  USE,
} from './script.ts'
import { connectSubscriber, type RedisSubscriber } from './subscriber.ts'

export type { IoRedisClient, NodeRedisClient } from './script.ts'
export type { IoRedisSubscriber, NodeRedisSubscriber, RedisSubscriber } from './subscriber.ts'

/** Configures {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * The prefix of all Redis keys and of the channel: 1 to 64 printable ASCII characters without
   * spaces and braces. Default: `twinkey`.
   */
  readonly prefix?: string | undefined
  /**
   * Creates a separate connection on which the store receives the changes of other nodes:
   * `() => client.duplicate()`. The store opens and ends it, and calls this again after a loss. In
   * a cluster, connect to any one node:
   * `async () => (await cluster.nodeClient(cluster.getRandomNode())).duplicate()` with node-redis,
   * `() => cluster.nodes('master')[0].duplicate()` with ioredis. Without `subscriber`, other nodes
   * see a change within `cache.maxAgeSeconds`.
   */
  readonly subscriber?: (() => RedisSubscriber | Promise<RedisSubscriber>) | undefined
}

// Braces would change the hash slot of a key in a cluster.
const PREFIX = /^[!-z|~]{1,64}$/
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
 *   `Cluster`). You connect and close it. Add an `error` listener: without one, an error of
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
  const index = (label: string) => `${prefix}:label:${encodeURIComponent(label)}`
  const read = async (id: string, signal?: AbortSignal) =>
    parseSlot((await run(COMMAND, slot(id), ['HGETALL'], signal)) as string[])

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

  // The index holds one entry for each label of each write: `<id> <write>`, where <write> is a
  // unique id of the write. A writer adds its entries before it writes the record. Entries are
  // removed when their write has lost, or was replaced or deleted. So no writer removes an entry
  // that another one needs, and every stored key is listed at any time. Entries left by a crash are
  // harmless, because `list` checks the record. They stay, because they look like entries that a
  // writer has just added.
  const changeIndex = (
    command: 'ZADD' | 'ZREM',
    record: StoredKey,
    write: string,
    signal?: AbortSignal,
  ) => {
    const args = [command, ...(command === 'ZADD' ? ['0'] : []), `${record.id} ${write}`]
    return Promise.all(labelsOf(record).map((label) => run(COMMAND, index(label), args, signal)))
  }
  const removeFromIndex = async (
    text: string | null | undefined,
    write: string | null | undefined,
  ) => {
    if (!text || !write) return
    try {
      await changeIndex('ZREM', JSON.parse(text) as StoredKey, write)
    } catch {
      // A leftover index entry is harmless, so it must not make the write fail.
    }
  }

  const store: KeyStore = {
    get: read,
    async put(next, expectedVersion, signal) {
      const text = JSON.stringify({ ...next, lastUsedAt: undefined })
      const write = crypto.randomUUID()
      await changeIndex('ZADD', next, write, signal)
      const [outcome, ...replaced] = await change(
        signal,
        next.id,
        expectedVersion,
        String(next.version),
        write,
        text,
      ).catch(async (error: unknown) => {
        if ((error as { code?: unknown } | undefined)?.code === 'not_written')
          await removeFromIndex(text, write)
        throw error
      })
      if (outcome === 'stored') await removeFromIndex(...replaced)
      else await removeFromIndex(text, write)
      return outcome as 'stored' | 'conflict' | 'missing'
    },
    async delete(id, expectedVersion, signal) {
      const [outcome, ...deleted] = await change(signal, id, expectedVersion)
      await removeFromIndex(...deleted)
      return outcome as 'deleted' | 'conflict' | 'missing'
    },
    async list(query, signal) {
      const label = index(labelsAsked(query)[0])
      const keys: KeyRecord[] = []
      let last: string | undefined
      let after = query.cursor
      for (
        let scanned = 0, count = query.limit + 1;
        scanned < MAX_SCANNED;
        scanned += count, count = CHUNK
      ) {
        // '!' sorts after the space that ends an id in an entry, and before every character of an
        // id.
        const from = after === undefined ? '-' : `(${after}!`
        const entries = (await run(
          COMMAND,
          label,
          ['ZRANGEBYLEX', from, '+', 'LIMIT', '0', String(count)],
          signal,
        )) as string[]
        const ids = [...new Set(entries.map((entry) => entry.slice(0, entry.indexOf(' '))))]
        for (const [i, record] of (
          await Promise.all(ids.map((id) => read(id, signal)))
        ).entries()) {
          if (record === undefined || !isAskedFor(record, query)) continue
          if (keys.length === query.limit) return { keys, next: last }
          keys.push(record)
          last = ids[i]
        }
        if (entries.length < count) return { keys, next: undefined }
        after = ids.at(-1)
      }
      return { keys, next: after }
    },
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
      const [policy = '', hasLog = ''] = (await run(INSPECT, index('key'), [], signal)) as string[]
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

// The store's keys have no time to live, so only the allkeys policies evict them.
function redisSettingsProblems(policy: string, hasLog: string): string[] {
  const problems: string[] = []
  if (policy.startsWith('allkeys'))
    problems.push(
      `Redis runs with maxmemory-policy ${policy}: it may evict keys, and the index by which revokeAll finds keys to revoke. Set it to noeviction.`,
    )
  if (hasLog === '0')
    problems.push(
      'Redis runs with appendonly no: a restart loses keys, and brings back revoked ones. Set it to yes, and appendfsync to always.',
    )
  return problems
}

// The reply of CHANGE: the outcome, and the replaced or deleted record with the id of its write.
type Answer = [outcome: string, text?: string | null, write?: string | null]

// Takes alternating field names and values. Returns a text that is not JSON unchanged: the core
// reports it as malformed.
function parseSlot(fields: readonly string[]): StoredKey | undefined {
  if (fields.length === 0) return undefined
  let text = ''
  const uses: [string, number][] = []
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = fields.slice(i, i + 2) as [string, string]
    if (name === 'record') text = value
    if (name.startsWith('use:')) uses.push([name.slice(4), Number(value)])
  }
  try {
    const record = JSON.parse(text)
    return record?.kind === 'key' ? { ...record, lastUsedAt: Object.fromEntries(uses) } : record
  } catch {
    return text as unknown as StoredKey
  }
}

// Also keeps a malformed record, so that the core reports it. Filtering it out would hide it.
function isAskedFor(record: StoredKey, query: ListQuery): record is KeyRecord {
  try {
    return typeof record !== 'object' || (record.kind !== 'alias' && matchesQuery(record, query))
  } catch {
    return true
  }
}

function checkRedisOptions(client: unknown, options: RedisStoreOptions) {
  if (
    typeof client !== 'object' ||
    client === null ||
    !('evalSha' in client || 'evalsha' in client)
  ) {
    throw new TypeError(
      'redisStore: the client must be a client or cluster of node-redis or ioredis.',
    )
  }
  requireMembers(options, ['prefix', 'subscriber'], 'The options of redisStore')
  const { prefix = 'twinkey', subscriber } = options
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw new TypeError(
      'redisStore: prefix must have 1 to 64 printable ASCII characters, no space and no brace.',
    )
  }
  if (subscriber !== undefined && typeof subscriber !== 'function') {
    throw new TypeError('redisStore: subscriber must be a function, like () => client.duplicate().')
  }
  return { prefix, subscriber }
}
