import type { HistoryEntry } from '../../core/model/history.ts'
import type { KeyStore, StoredKey } from '../../core/store/store.ts'
import type { Names } from './names.ts'
import type { OldIndex } from './old-index.ts'
import { parse, placeOfEntry, placeOfKey } from './record.ts'
import type { RunScript } from './script.ts'
import { CHANGE, versionText } from './scripts.ts'
import type { TimeIndex } from './time-index.ts'

// The reply of CHANGE: the outcome, and the replaced or deleted record with the id of its write.
type Answer = [outcome: string, text?: string | null, write?: string | null]

interface Change {
  readonly id: string
  readonly next: StoredKey | undefined
  readonly expectedVersion: number | undefined
  readonly entry: HistoryEntry | undefined
}

/** Writes and deletes records together with their entries. */
export function createWrites(
  run: RunScript,
  names: Names,
  { keys, entries, old }: { keys: TimeIndex; entries: TimeIndex; old: OldIndex },
): Pick<KeyStore, 'put' | 'delete'> {
  async function change(
    { id, next, expectedVersion, entry }: Change,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const write = crypto.randomUUID()
    const key = next && placeOfKey(next, write)
    const place = entry && placeOfEntry(entry, write)
    const args = [versionText(expectedVersion), names.channel, id]
    args.push(...(entry === undefined ? ['', ''] : [entry.id, JSON.stringify(entry)]))
    if (next !== undefined)
      args.push(
        versionText(next.version),
        write,
        JSON.stringify({ ...next, lastUsedAt: undefined }),
      )
    const withdraw = () => Promise.all([key && keys.remove(key), place && entries.remove(place)])

    try {
      await Promise.all([
        next && old.close(signal),
        key && keys.add(key, signal),
        place && entries.add(place, signal),
      ])
      const answer = await run(CHANGE, [names.record(id), names.history(id)], args, signal)
      const [outcome, text, replaced] = answer as Answer
      if (outcome === 'conflict' || outcome === 'missing') await withdraw()
      else if (text && replaced) await removeReplaced(keys, text, replaced)
      return outcome
    } catch (error) {
      if ((error as { code?: unknown } | undefined)?.code === 'not_written') await withdraw()
      throw error
    }
  }

  return {
    async put(next, expectedVersion, entry, signal) {
      const outcome = await change({ id: next.id, next, expectedVersion, entry }, signal)
      return outcome as 'stored' | 'conflict' | 'missing'
    },
    async delete(id, expectedVersion, entry, signal) {
      const outcome = await change({ id, next: undefined, expectedVersion, entry }, signal)
      return outcome as 'deleted' | 'conflict' | 'missing'
    },
  }
}

async function removeReplaced(keys: TimeIndex, text: string, write: string): Promise<void> {
  let place: ReturnType<typeof placeOfKey>
  try {
    place = placeOfKey(parse(text) as StoredKey, write)
  } catch {
    // A malformed record. The members that lead to it are harmless.
    return
  }
  await keys.remove(place)
}
