import type { KeyRecord } from '../../core/model/api-key.ts'
import { notWritten } from '../../core/store/store-error.ts'
import { currentRecord } from '../../core/store/stored-key.ts'
import type { Names } from './names.ts'
import { parse, placeOfKey } from './record.ts'
import type { RunScript } from './script.ts'
import { COMMAND, RESERVE } from './scripts.ts'
import type { Place, TimeIndex } from './time-index.ts'

/**
 * The index of the pre-release, and its replacement.
 *
 * The pre-release has a sorted set for each label. The one of the label `key` has all keys, and shows
 * the state of the migration by its type:
 *
 * - A sorted set: the pre-release writes to it.
 * - A set: `migrate` has begun. Contains the members that are still to be moved, and an empty one,
 *   so that it never becomes empty.
 * - A string: everything was moved. A store also writes it where there never was an index of the pre-release.
 *
 * If it is no sorted set, the pre-release fails with WRONGTYPE before it writes a record, and when it
 * lists keys. The sets of the other labels become strings too, so that the pre-release cannot list an
 * incomplete tenant or owner. Those strings expire.
 */
export interface OldIndex {
  /** Reads the new index. @throws if keys may be missing in it. */
  whenMoved<T>(read: () => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Also keeps the pre-release from writing. @throws as above. */
  close(signal?: AbortSignal): Promise<void>
  migrate(): Promise<void>
}

const CLOSE = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then redis.call('SET', KEYS[1], ARGV[1]) end
return kind`

// The first SADD fails, but shows whether the next ones will succeed after the DEL.
const BEGIN = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then redis.call('SET', KEYS[1], ARGV[1]) end
if kind ~= 'zset' then return kind end
local trial = redis.pcall('SADD', KEYS[1], '')
if not string.find(trial.err, 'WRONGTYPE', 1, true) then return trial end
local members = redis.call('ZRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
redis.call('SADD', KEYS[1], '')
for i = 1, #members, 1000 do
  redis.call('SADD', KEYS[1], unpack(members, i, math.min(i + 999, #members)))
end
return 'set'`

// Returns at most ARGV[1] members, and nothing after the end.
const NEXT = `
if redis.call('TYPE', KEYS[1]).ok ~= 'set' then return {} end
return redis.call('SRANDMEMBER', KEYS[1], ARGV[1])`

const FINISH = `
if redis.call('TYPE', KEYS[1]).ok ~= 'set' then return end
if #ARGV > 1 then redis.call('SREM', KEYS[1], unpack(ARGV, 2)) end
if redis.call('SCARD', KEYS[1]) == 1 then redis.call('SET', KEYS[1], ARGV[1]) end`

const CHUNK = 128
const MARK = 'The index of the pre-release was moved.'
// Longer than any rolling upgrade.
const MARKED_SECONDS = String(30 * 24 * 3600)
const OLD_STATES = ['state:enabled', 'state:disabled', 'state:revoked']
// The labels that both versions have, without `key`.
const KEPT_LABEL = /^(?:tenant:|owner:|pepper:|no-owner$|no-pepper$)/
const HINT =
  'redisStore: the keys of the pre-release are not in the new index yet. Call migrate() of the store.'

export function createOldIndex(run: RunScript, names: Names, keys: TimeIndex): OldIndex {
  const all = names.old('key')
  // The first check comes before the read, which a migration could overtake. Later checks find an
  // index of the pre-release that was restored.
  let wasMoved = false

  async function check(signal: AbortSignal | undefined): Promise<void> {
    const kind = (await run(COMMAND, all, ['TYPE'], signal)) as string
    if (kind !== 'none' && kind !== 'string') throw new Error(HINT)
    wasMoved = true
  }

  async function mark(labels: readonly string[]): Promise<void> {
    await Promise.all(
      labels.map((label) => run(COMMAND, names.old(label), ['SET', MARK, 'EX', MARKED_SECONDS])),
    )
  }

  /** Moves a record into the new index. Returns its old labels. */
  async function move(id: string): Promise<string[]> {
    const [text, write] = (await run(RESERVE, names.record(id), [])) as (string | null)[]
    if (typeof text !== 'string') return []
    const place = readPlace(text, write ?? '', names.record(id))
    await keys.add(place)
    return place.labels.filter((label) => KEPT_LABEL.test(label))
  }

  return {
    async whenMoved(read, signal) {
      const checked = check(signal)
      if (!wasMoved) await checked
      const [result] = await Promise.all([read(), checked])
      return result
    },
    async close(signal) {
      const kind = (await run(CLOSE, all, [MARK], signal)) as string
      if (kind !== 'none' && kind !== 'string') throw notWritten(HINT, undefined)
    },
    async migrate() {
      const kind = await run(BEGIN, all, [MARK])
      if (kind !== 'set') return
      await mark(OLD_STATES)
      const marked = new Set<string>()
      // Several processes take members at random, so that they seldom do the same work.
      for (;;) {
        const members = (await run(NEXT, all, [String(CHUNK)])) as string[]
        if (members.length === 0) return
        const moved = members.filter((member) => member !== '')
        const ids = new Set(moved.map((member) => member.slice(0, member.indexOf(' '))))
        const labels = new Set((await Promise.all([...ids].map(move))).flat())
        const fresh = [...labels].filter((label) => !marked.has(label))
        await mark(fresh)
        for (const label of fresh) marked.add(label)
        await run(FINISH, all, [MARK, ...moved])
      }
    },
  }
}

function readPlace(text: string, write: string, name: string): Place {
  try {
    return placeOfKey(currentRecord(parse(text)) as KeyRecord, write)
  } catch (error) {
    throw new Error(
      `redisStore: the record in ${name} is malformed. Restore or delete it, and call migrate() again.`,
      { cause: error },
    )
  }
}
