import { requireMembers } from '../../core/model/options-checks.ts'
import type { RedisSubscriber } from './subscriber.ts'

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

/** @throws TypeError if the client or an option is invalid. */
export function checkRedisOptions(client: unknown, options: RedisStoreOptions) {
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
