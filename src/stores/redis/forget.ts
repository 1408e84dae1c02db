import { historyLabelsOf } from '../../core/store/history-query.ts'
import type { Position } from '../../core/store/store.ts'
import type { Names } from './names.ts'
import { groupBy, readEntries } from './pages.ts'
import { keyIdOf } from './record.ts'
import type { RunScript } from './script.ts'
import { COMMAND } from './scripts.ts'
import type { Member, TimeIndex } from './time-index.ts'

// How many members of the index one round reads.
const CHUNK = 500
// How many commands are in flight at once.
const PARALLEL = 128
// A member without an entry may be that of a write in flight. No write takes as long as this.
const IN_FLIGHT_MILLISECONDS = 3_600_000
const ALL = 'entry'

/**
 * Deletes the oldest entries before a time. Continues until it has deleted some, because other
 * processes may delete the same ones.
 *
 * An entry leaves the set of all entries last, so that the next call completes what a crash leaves.
 */
export function createForget(
  run: RunScript,
  names: Names,
  entries: TimeIndex,
): (before: number, signal?: AbortSignal) => Promise<number> {
  return async (before, signal) => {
    let deleted = 0
    for (let after: Position | undefined; ; ) {
      const range = { label: ALL, sort: 'oldest', after, before, count: CHUNK } as const
      const members = await entries.read(range, signal)
      deleted += await forget(members, before)
      after = members.at(-1)
      if (deleted > 0 || members.length < CHUNK) return deleted
    }

    async function forget(members: readonly Member[], before: number): Promise<number> {
      const texts = await readEntries(run, names, members, signal)
      const isStored = (i: number) => texts[i] !== undefined
      const ended = members.filter(
        ({ at }, i) => isStored(i) || at < before - IN_FLIGHT_MILLISECONDS,
      )
      const byLabel = new Map<string, Member[]>()
      for (const [i, member] of members.entries())
        if (ended.includes(member))
          for (const label of labelsOf(member, texts[i]))
            byLabel.set(label, [...(byLabel.get(label) ?? []), member])
      await inParts([...byLabel], ([label, ofLabel]) =>
        entries.removeMembers(label, ofLabel, signal),
      )
      const stored = members.filter((_, i) => isStored(i))
      const counts = await inParts([...groupBy(stored, keyIdOf)], ([keyId, ofKey]) =>
        run(COMMAND, names.history(keyId), ['HDEL', ...ofKey.map(({ id }) => id)], signal),
      )
      if (ended.length > 0) await entries.removeMembers(ALL, ended, signal)
      return counts.reduce((sum: number, count) => sum + Number(count), 0)
    }
  }
}

/** The labels of an entry, without that of all entries. */
function labelsOf(member: Member, text: string | undefined): string[] {
  try {
    if (text !== undefined)
      return historyLabelsOf(JSON.parse(text)).filter((label) => label !== ALL)
  } catch {
    // A malformed entry: only the label of its key is known.
  }
  return [`key:${keyIdOf(member)}`]
}

async function inParts<T>(
  values: readonly T[],
  call: (value: T) => Promise<unknown>,
): Promise<unknown[]> {
  const results: unknown[] = []
  for (let at = 0; at < values.length; at += PARALLEL)
    results.push(...(await Promise.all(values.slice(at, at + PARALLEL).map(call))))
  return results
}
