import { messageOf } from '../../core/model/error.ts'
import { notWritten } from '../../core/store/store-error.ts'

/** What the store asks of node-redis: `createClient` and `createCluster` have it. */
export interface NodeRedisClient {
  evalSha(sha: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(script: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>
  /**
   * A client has it, a cluster has not. What was not sent when the signal is aborted is not sent
   * any more.
   */
  withAbortSignal?(signal: AbortSignal): Pick<NodeRedisClient, 'evalSha' | 'eval'>
}

/** What the store asks of ioredis: `Redis` and `Cluster` have it. */
export interface IoRedisClient {
  evalsha(sha: string, keys: number, ...keyAndArgs: string[]): Promise<unknown>
  eval(script: string, keys: number, ...keyAndArgs: string[]): Promise<unknown>
  readonly status?: string
  readonly options?: { readonly enableOfflineQueue?: boolean | undefined }
  on?(event: 'ready' | 'end', listener: () => void): unknown
  off?(event: 'ready' | 'end', listener: () => void): unknown
}

/** Runs a script on one key, and answers its reply as it would be in RESP2: strings and lists. */
export type RunScript = (
  script: string,
  key: string,
  args: readonly string[],
  signal?: AbortSignal,
) => Promise<unknown>

/**
 * A plain command, by way of a script: a client that sends reads to replicas sends scripts to
 * masters, and a reply that would be a map in RESP3 is a list from every server and client.
 */
export const COMMAND = 'return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))'

/**
 * Changes the record where its version is the expected one, `''` standing for none: writes the
 * next, or deletes it where none is given. Versions are compared as text, because numbers of Lua
 * are doubles. A client that lost its connection may send a write twice: the second time it answers
 * what the first did. Redis undoes nothing of a script that fails in the middle, so what writes the
 * record comes last: other nodes are told before, and see nothing until the script has ended.
 */
export const CHANGE = `
local version, write, record = unpack(redis.call('HMGET', KEYS[1], 'version', 'write', 'record'))
local expected, channel, id, next, name, text = unpack(ARGV)
if name and name == write then return {'stored'} end
if not version and expected ~= '' then return {'missing'} end
if (version or '') ~= expected then return {'conflict'} end
redis.call('PUBLISH', channel, id)
if next then
  redis.call('HSET', KEYS[1], 'version', next, 'write', name, 'record', text)
else
  redis.call('DEL', KEYS[1])
end
return {next and 'stored' or 'deleted', record, write}`

/**
 * Notes when secrets of a key were used: pairs of secret id and time. Times are below 2^53, so
 * comparing them as numbers is exact.
 */
export const USE = `
if redis.call('EXISTS', KEYS[1]) == 0 then return end
for i = 1, #ARGV, 2 do
  local field = 'use:' .. ARGV[i]
  if tonumber(redis.call('HGET', KEYS[1], field) or 0) < tonumber(ARGV[i + 1]) then redis.call('HSET', KEYS[1], field, ARGV[i + 1]) end
end`

/**
 * What the server says of its settings: the policy for when its memory is full, and whether it has
 * an append-only file. Empty where it must not say.
 */
export const INSPECT = `
local function setting(section, name)
  local info = redis.pcall('INFO', section)
  return type(info) == 'string' and string.match(info, name .. ':(%S+)') or ''
end
return {setting('memory', 'maxmemory_policy'), setting('persistence', 'aof_enabled')}`

// The words of a server that did not run a command. Proxies have words of their own, which make
// nothing certain.
const NOTHING_DONE =
  /^(?:NOPERM|NOAUTH|WRONGPASS|READONLY|OOM|MISCONF|NOREPLICAS|LOADING|MASTERDOWN|CLUSTERDOWN|BUSY|CROSSSLOT)\b/
const NOT_PERMITTED = /^ERR The user executing the script can't|ACL failure in script/
// Redis 6 puts the place in a script in front of them.
const PLACE = '@user_script:'
// What the clients say before they send anything.
const NOT_SENT = /^The client is (?:closed|offline)$|enableOfflineQueue options is false$/

/**
 * Makes the one way to the server. A script goes by its digest, and whole where the server does not
 * have it: the first time, after a restart, a failover or a `SCRIPT FLUSH`.
 */
export function createScriptRunner(client: NodeRedisClient | IoRedisClient): RunScript {
  const digests = new Map<string, Promise<string>>()
  const connected = 'evalSha' in client ? undefined : createConnectionWait(client)

  async function send(
    how: 'sha' | 'whole',
    text: string,
    key: string,
    args: readonly string[],
    signal?: AbortSignal,
  ): Promise<unknown> {
    signal?.throwIfAborted()
    if (signal !== undefined && connected !== undefined) {
      await connected()
      signal.throwIfAborted()
    }
    if ('status' in client && client.status === 'end')
      throw notWritten('The client of Redis is closed.', undefined)
    try {
      if (!('evalSha' in client))
        return await client[how === 'sha' ? 'evalsha' : 'eval'](text, 1, key, ...args)
      const through = signal === undefined ? client : (client.withAbortSignal?.(signal) ?? client)
      return await through[how === 'sha' ? 'evalSha' : 'eval'](text, {
        keys: [key],
        arguments: [...args],
      })
    } catch (error) {
      withoutArguments(error)
      const message = messageOf(error)
      throw saysNotWritten(message) ? notWritten(message, error) : error
    }
  }

  return async (script, key, args, signal) => {
    const digest = digests.get(script) ?? sha1(script)
    digests.set(script, digest)
    try {
      return await send('sha', await digest, key, args, signal)
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      return send('whole', script, key, args, signal)
    }
  }
}

// What ioredis is given while it is not connected it sends when it is, however late. So it is given
// nothing meanwhile.
function createConnectionWait(client: IoRedisClient): () => Promise<void> | undefined {
  let waiting: Promise<void> | undefined
  return () => {
    if (
      !/^(?:connect|close$|reconnecting)/.test(client.status ?? '') ||
      client.options?.enableOfflineQueue === false
    )
      return undefined
    waiting ??= new Promise((resolve) => {
      const done = () => {
        client.off?.('ready', done)
        client.off?.('end', done)
        waiting = undefined
        resolve()
      }
      client.on?.('ready', done)
      client.on?.('end', done)
    })
    return waiting
  }
}

function saysNotWritten(message: string): boolean {
  const place = message.lastIndexOf(PLACE)
  const behind = place < 0 ? '' : message.slice(place).replace(/^@user_script: ?\d{1,6}: -?/, '')
  return (
    NOTHING_DONE.test(message) ||
    NOTHING_DONE.test(behind) ||
    NOT_PERMITTED.test(message) ||
    NOT_SENT.test(message)
  )
}

// ioredis hangs the command on what it rejects with: the record with its digests, which would be
// logged with the error that this is the cause of.
function withoutArguments(error: unknown): void {
  if (typeof error === 'object' && error !== null && 'command' in error)
    Reflect.deleteProperty(error, 'command')
}

// Names the script, as Redis does; it protects nothing.
async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
