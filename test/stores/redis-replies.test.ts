import { redisStore } from 'twinkey/stores/redis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newKey } from '../../src/testing/sample.ts'
import { openRedis, type RedisServer, startRedis } from '../support/redis.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

it.each(['node-redis', 'ioredis'] as const)(
  'the reply to another command neither hides a key nor acknowledges a write, on %s',
  async (library) => {
    const { client, close } = await openRedis(library, server)
    let earlier: unknown
    let isBehind = false
    // Returns the reply to an earlier command, as a client does that has lost count of its replies.
    const late = (reply: unknown) => {
      const answer = isBehind ? earlier : reply
      earlier = isBehind ? earlier : reply
      return answer
    }
    const behind = new Proxy(client as object, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (name === 'withAbortSignal') return () => behind
        if (typeof value !== 'function') return value
        const call = value.bind(target)
        return /^eval/i.test(String(name))
          ? async (...args: unknown[]) => late(await call(...args))
          : call
      },
    }) as typeof client
    const store = redisStore(behind, { prefix: `replies-${library}` })
    const [key, other] = [newKey(), newKey()]
    expect(await store.put(key, undefined, undefined)).toBe('stored')
    expect(await store.get(other.id)).toBeUndefined()
    isBehind = true
    await expect(store.get(key.id)).rejects.toThrow('the reply to another command')
    isBehind = false
    expect(await store.put(other, undefined, undefined)).toBe('stored')
    isBehind = true
    await expect(store.delete(key.id, key.version, undefined)).rejects.toThrow(
      'the reply to another command',
    )
    close()
  },
)
