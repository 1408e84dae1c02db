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

/** How {@link redisStore} uses its server. */
export interface RedisStoreOptions {
  /**
   * What the names of its keys and of its channel begin with: 1 to 64 printable ASCII characters,
   * no space and no brace. `twinkey` unless given.
   */
  readonly prefix?: string | undefined
  /**
   * Makes a connection of its own for hearing what other nodes change: `() => client.duplicate()`.
   * The store opens it and ends it, and asks for another when it is lost. In a cluster it goes to
   * any one node: `async () => (await cluster.nodeClient(cluster.getRandomNode())).duplicate()`
   * with node-redis, `() => cluster.nodes('master')[0].duplicate()` with ioredis. Without it other
   * nodes see a change within `cache.maxAgeSeconds`.
   */
  readonly subscriber?: (() => RedisSubscriber | Promise<RedisSubscriber>) | undefined
}

// Braces would decide by themselves where in a cluster a key lives.
const PREFIX = /^[!-z|~]{1,64}$/
// Most records that are read or changed at once.
const CHUNK = 128
// Most index entries that one call reads, so that a filter which fits hardly any key is answered in
// time, with less than a page.
const MAX_SCANNED = 5000

/**
 * Keeps keys in Redis 6 or later, one server or a cluster.
 *
 * Every record is one key, changed by one script with compare-and-set; `get` is one round trip. Of
 * a cluster only masters are asked, whatever its client does with other reads; a client of one
 * server must not be connected to a replica. `list` reads an index beside the records, which a
 * crash at any moment leaves with too many entries at worst.
 *
 * How durable an acknowledged write is depends on the server. Without `appendonly yes` a restart
 * loses everything; with `appendfsync everysec` a power cut loses about a second, with `always`
 * nothing. `maxmemory-policy` must be `noeviction`. A failover to a replica can lose the last
 * writes, **so that a revoked key is live again**; in a cluster it can also lose an entry of the
 * index, so that `list` and `revokeAll` miss a key until it is next written. Where that matters,
 * keep keys in PostgreSQL.
 *
 * @param client A client of node-redis (`createClient`, `createCluster`) or ioredis (`Redis`,
 *   `Cluster`), which you connect and close. Give it a listener for `error`: node-redis ends the
 *   process without one.
 * @param options A prefix, and how to hear what other nodes change.
 * @returns The store. It has `watch` where `subscriber` is given.
 * @throws TypeError where the client or an option is not of that form.
 * @see https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
 * @example
 * ```ts
 * import { createClient } from 'redis'
 * import { createTwinkey } from 'twinkey'
 * import { redisStore } from 'twinkey/stores/redis'
 *
 * const client = createClient({ url: 'redis://localhost:6379' }).on('error', () => {})
 * await client.connect()
 * const twinkey = createTwinkey({ store: redisStore(client, { subscriber: () => client.duplicate() }) })
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
  // Encoded, so that no name can make it the name of a slot or of another label.
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

  // The index holds one entry for each label of each write: `<id> <write>`, where a write has a
  // name of its own. Entries are added before the record is written, and removed when it is certain
  // that their write is not the current one and never will be: it lost, or was replaced or deleted.
  // So no writer removes what another one needs, in whichever order they come, and a key that is
  // there is listed at every moment. What a crash leaves behind does no harm, because `list` looks
  // at the record. It stays: nobody can tell it from what a writer has just added.
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
      // The record is written: what is left behind in the index must not make that fail.
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
        // '!' comes after the space that ends an id in an entry, and before all that an id is made
        // of.
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

// What is kept here has no time to live, so that only the policies for all keys reach it.
function redisSettingsProblems(policy: string, hasLog: string): string[] {
  const problems: string[] = []
  if (policy.startsWith('allkeys'))
    problems.push(
      `Redis runs with maxmemory-policy ${policy}: it may throw away keys, and the index by which revokeAll finds them, so that what was to be revoked goes on working. Set it to noeviction.`,
    )
  if (hasLog === '0')
    problems.push(
      'Redis runs with appendonly no: a restart loses keys, and brings back revoked ones. Set it to yes, and appendfsync to always.',
    )
  return problems
}

// What a script answers: the outcome, and the record that was replaced or deleted, with the name of
// its write.
type Answer = [outcome: string, text?: string | null, write?: string | null]

// The fields of a slot in turns, name and value. A text that is no JSON is handed on as it is: the
// core says that it is malformed.
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

// Whether a record is one that a query asks for. What has not the form of a record is: the core
// says so, where leaving it out would hide it.
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
