import type { Scan } from '../../core/store/paging.ts'
import type { Position } from '../../core/store/store.ts'
import type { Query } from './query.ts'
import type { Ordered } from './statements.ts'

// Before every position, in either order.
const START = {
  newest: { at: Number.MAX_SAFE_INTEGER, id: '' },
  oldest: { at: -1, id: '' },
} as const

/** Reads an index in the order of its positions. Each row is `at`, `id` and what `parse` takes. */
export function scan<T>(
  { read }: Query,
  statements: Ordered,
  sort: keyof Ordered,
  label: string,
  parse: (row: readonly unknown[]) => T,
  signal: AbortSignal | undefined,
): (after: Position | undefined, count: number) => Promise<Scan<T>> {
  return async (after, count) => {
    const { at, id } = after ?? START[sort]
    const rows = await read(signal, statements[sort], label, at, id, count)
    return {
      found: rows.map(([at, id, ...row]) => ({
        at: { at: Number(at), id: String(id) },
        value: parse(row),
      })),
      isEnd: rows.length < count,
    }
  }
}
