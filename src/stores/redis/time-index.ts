import type { Position } from '../../core/store/store.ts'
import type { RunScript } from './script.ts'
import { COMMAND } from './scripts.ts'

/** What an index holds under each label of one write. */
export interface Place extends Position {
  /** Distinguishes the write from every other one, behind anything else that a reader needs. */
  readonly tail: string
  readonly labels: readonly string[]
}

/** A member of the index: a place under one label. */
export interface Member extends Position {
  readonly tail: string
  readonly text: string
}

/** Which members to read. */
interface Range {
  readonly label: string
  readonly sort: 'newest' | 'oldest'
  /** Where to begin, exclusive. */
  readonly after: Position | undefined
  /** Only members of an earlier time; with `sort: 'oldest'`. */
  readonly before?: number
  readonly count: number
}

/**
 * An index from labels to places, sorted by time and id. Each label is a sorted set whose members
 * `<time> <id> <tail>` all have score 0, so that Redis sorts them as text.
 *
 * A writer adds its members before it writes, and removes them when its write has lost, was
 * replaced or deleted. Each write has members of its own, so no writer removes one that another
 * needs, and everything stored is in the index at any time. Members left by a crash are harmless,
 * because readers check what they lead to. They stay, because they look like members that a writer
 * has just added.
 */
export interface TimeIndex {
  add(place: Place, signal?: AbortSignal): Promise<unknown>
  /** Removes the members of a write. Ignores errors: a leftover must not make a write fail. */
  remove(place: Place): Promise<unknown>
  /** Removes members of one label. */
  removeMembers(label: string, members: readonly Member[], signal?: AbortSignal): Promise<unknown>
  /** Reads members in order. Fewer than `count` mean the end of the index. */
  read(range: Range, signal?: AbortSignal): Promise<Member[]>
}

/** @param nameOf Returns the Redis key of a label. */
export function createTimeIndex(run: RunScript, nameOf: (label: string) => string): TimeIndex {
  const change = (
    command: readonly string[],
    { labels, ...place }: Place,
    signal?: AbortSignal,
  ) => {
    const member = `${start(place)} ${place.tail}`
    return Promise.all(
      labels.map((label) => run(COMMAND, nameOf(label), [...command, member], signal)),
    )
  }
  return {
    add: (place, signal) => change(['ZADD', '0'], place, signal),
    remove: (place) => change(['ZREM'], place).catch(() => {}),
    removeMembers: (label, members, signal) =>
      run(COMMAND, nameOf(label), ['ZREM', ...members.map(({ text }) => text)], signal),
    async read({ label, sort, after, before, count }, signal) {
      // A space follows an id in a member. '!' sorts after the space, and before every character of
      // an id.
      const range =
        sort === 'oldest'
          ? [after ? `(${start(after)}!` : '-', before === undefined ? '+' : `(${time(before)}`]
          : [after ? `(${start(after)} ` : '+', '-']
      const command = sort === 'oldest' ? 'ZRANGEBYLEX' : 'ZREVRANGEBYLEX'
      const args = [command, ...range, 'LIMIT', '0', String(count)]
      return ((await run(COMMAND, nameOf(label), args, signal)) as string[]).map(parseMember)
    },
  }
}

// As many digits as the latest time of a Date and the largest safe integer have.
const DIGITS = 16

function time(at: number): string {
  return String(at).padStart(DIGITS, '0')
}

function start({ at, id }: Position): string {
  return `${time(at)} ${id}`
}

function parseMember(text: string): Member {
  const end = text.indexOf(' ', DIGITS + 1)
  return {
    at: Number(text.slice(0, DIGITS)),
    id: text.slice(DIGITS + 1, end),
    tail: text.slice(end + 1),
    text,
  }
}
