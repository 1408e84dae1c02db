import { messageOf } from '../../core/model/error.ts'
import { notWritten } from '../../core/store/store-error.ts'

/** The part of node-redis that the store uses. `createClient` and `createCluster` implement it. */
export interface NodeRedisClient {
  evalSha(sha: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(script: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>
  /**
   * A client has this method, a cluster does not. A command that is still queued when the signal
   * aborts is not sent.
   */
  withAbortSignal?(signal: AbortSignal): Pick<NodeRedisClient, 'evalSha' | 'eval'>
}

/** The part of ioredis that the store uses. `Redis` and `Cluster` implement it. */
export interface IoRedisClient {
  evalsha(sha: string, keys: number, ...keysAndArgs: string[]): Promise<unknown>
  eval(script: string, keys: number, ...keysAndArgs: string[]): Promise<unknown>
  readonly status?: string
  readonly options?: { readonly enableOfflineQueue?: boolean | undefined }
  on?(event: 'ready' | 'end', listener: () => void): unknown
  off?(event: 'ready' | 'end', listener: () => void): unknown
}

/**
 * Runs a script on one key, or on several keys of one slot. Returns its reply in the types of RESP2:
 * strings and lists.
 */
export type RunScript = (
  script: string,
  keys: string | readonly string[],
  args: readonly string[],
  signal?: AbortSignal,
) => Promise<unknown>

// Redis errors which prove that the command did not run. The errors of proxies prove nothing.
const NOTHING_DONE =
  /^(?:NOPERM|NOAUTH|WRONGPASS|READONLY|OOM|MISCONF|NOREPLICAS|LOADING|MASTERDOWN|CLUSTERDOWN|BUSY|CROSSSLOT)\b/
const NOT_PERMITTED = /^ERR The user executing the script can't|ACL failure in script/
// Redis 6 puts the position in the script in front of the error.
const PLACE = '@user_script:'
// Errors that the clients throw before they send anything.
const NOT_SENT = /^The client is (?:closed|offline)$|enableOfflineQueue options is false$/

/**
 * Creates the function through which the store sends every command. It sends a script by its
 * digest, and in full if the server does not have it: the first time, and after a restart, a
 * failover or `SCRIPT FLUSH`.
 */
export function createScriptRunner(client: NodeRedisClient | IoRedisClient): RunScript {
  const digests = new Map<string, Promise<string>>()
  const connected = 'evalSha' in client ? undefined : createConnectionWait(client)

  async function send(
    how: 'sha' | 'whole',
    text: string,
    keys: readonly string[],
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
        return await client[how === 'sha' ? 'evalsha' : 'eval'](text, keys.length, ...keys, ...args)
      const through =
        signal === undefined ? client : (client.withAbortSignal?.(follow(signal)) ?? client)
      return await through[how === 'sha' ? 'evalSha' : 'eval'](text, {
        keys: [...keys],
        arguments: [...args],
      })
    } catch (error) {
      withoutArguments(error)
      const message = messageOf(error)
      throw saysNotWritten(message) ? notWritten(message, error) : error
    }
  }

  return async (script, given, args, signal) => {
    const keys = typeof given === 'string' ? [given] : given
    const text = marked(script)
    const digest = digests.get(script) ?? sha1(text)
    digests.set(script, digest)
    const mark = crypto.randomUUID()
    const values = [...args, mark]
    try {
      return readMarked(await send('sha', await digest, keys, values, signal), mark)
    } catch (error) {
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error
      return readMarked(await send('whole', text, keys, values, signal), mark)
    }
  }
}

/** A script that also returns its last argument, which marks its reply. */
function marked(script: string): string {
  return `
local mark = table.remove(ARGV)
local function run()
${script}
end
local reply = run()
if type(reply) == 'table' and reply.err then return reply end
return {mark, reply}`
}

// A client that reconnects several times at once can take the reply to one command for that to
// another one. Such a reply must neither hide a record nor acknowledge a write.
function readMarked(reply: unknown, mark: string): unknown {
  const [found, value = null] = Array.isArray(reply) ? reply : []
  if (String(found) !== mark)
    throw new Error('The client of Redis returned the reply to another command.')
  return value
}

// A signal for one command. Node warns about a signal to which more than ten commands at once listen.
function follow(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal])
}

// While ioredis is disconnected it queues commands and sends them after any delay. So the store
// waits for the connection before it passes a command.
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

// ioredis attaches the command to its errors. That command holds the record with its digests, which
// would appear in logs of this error.
function withoutArguments(error: unknown): void {
  if (typeof error === 'object' && error !== null && 'command' in error)
    Reflect.deleteProperty(error, 'command')
}

// Redis identifies a script by its SHA-1. It has no security purpose.
async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
