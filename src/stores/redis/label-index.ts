import { labelsOf } from '../../core/store/list-query.ts'
import type { StoredKey } from '../../core/store/store.ts'
import { COMMAND, type RunScript } from './script.ts'

/**
 * The index from labels to ids. It holds one entry for each label of each write: `<id> <write>`,
 * where `<write>` is a unique id of the write.
 *
 * A writer adds its entries before it writes the record. Entries are removed when their write has
 * lost, or was replaced or deleted. So no writer removes an entry that another one needs, and every
 * stored key is listed at any time. Entries left by a crash are harmless, because `list` checks the
 * record. They stay, because they look like entries that a writer has just added.
 */
export interface LabelIndex {
  add(record: StoredKey, write: string, signal?: AbortSignal): Promise<unknown>
  /** Removes the entries of a write. Does nothing without a record, and ignores errors. */
  remove(text: string | null | undefined, write: string | null | undefined): Promise<void>
  /** Reads at most `count` entries that follow an id. Fewer entries mean the end of the index. */
  read(
    label: string,
    after: string | undefined,
    count: number,
    signal?: AbortSignal,
  ): Promise<{ readonly ids: readonly string[]; readonly isEnd: boolean }>
}

/** @param keyOf Returns the Redis key of a label. */
export function createLabelIndex(run: RunScript, keyOf: (label: string) => string): LabelIndex {
  const change = (
    command: 'ZADD' | 'ZREM',
    record: StoredKey,
    write: string,
    signal?: AbortSignal,
  ) => {
    const args = [command, ...(command === 'ZADD' ? ['0'] : []), `${record.id} ${write}`]
    return Promise.all(labelsOf(record).map((label) => run(COMMAND, keyOf(label), args, signal)))
  }
  return {
    add: (record, write, signal) => change('ZADD', record, write, signal),
    async remove(text, write) {
      if (!text || !write) return
      try {
        await change('ZREM', JSON.parse(text) as StoredKey, write)
      } catch {
        // A leftover entry is harmless, so it must not make the write fail.
      }
    },
    async read(label, after, count, signal) {
      // '!' sorts after the space that ends an id in an entry, and before every character of an id.
      const from = after === undefined ? '-' : `(${after}!`
      const args = ['ZRANGEBYLEX', from, '+', 'LIMIT', '0', String(count)]
      const entries = (await run(COMMAND, keyOf(label), args, signal)) as string[]
      const ids = [...new Set(entries.map((entry) => entry.slice(0, entry.indexOf(' '))))]
      return { ids, isEnd: entries.length < count }
    },
  }
}
