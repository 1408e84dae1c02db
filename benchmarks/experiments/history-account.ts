import type { HistoryEntry } from 'twinkey'
import type { KeyStore, StoredKey } from 'twinkey/store'

// Compares the history of a key with the changes that its writers intended.

/** A change of a key that a writer sends to its store. */
export interface NotedChange {
  readonly change: HistoryEntry['type']
  readonly id: string
  /** The version that it replaces; null for a new key. */
  readonly expected: number | null
  /** The version that it writes, or that it deletes. */
  readonly version: number
  /** The id of its entry; null if it has none. */
  readonly entry: string | null
}

/** A store that notes each change before it sends it. */
export function notingStore(inner: KeyStore, note: (change: NotedChange) => void): KeyStore {
  const noted = (
    id: string,
    expected: number | undefined,
    version: number,
    entry: HistoryEntry | undefined,
  ) =>
    note({
      change: entry?.type ?? 'key.updated',
      id,
      expected: expected ?? null,
      version,
      entry: entry?.id ?? null,
    })
  return {
    ...inner,
    put(next, expected, entry, signal) {
      if (next.kind === 'key') noted(next.id, expected, next.version, entry)
      return inner.put(next, expected, entry, signal)
    },
    delete(id, expected, entry, signal) {
      if (entry !== undefined) noted(id, expected, expected, entry)
      return inner.delete(id, expected, entry, signal)
    },
  }
}

/** All entries of a query, from the oldest on. */
export async function entriesOf(
  store: KeyStore,
  filter: { readonly keyId?: string; readonly owner?: string; readonly tenant?: string },
): Promise<HistoryEntry[]> {
  const entries: HistoryEntry[] = []
  let after: Awaited<ReturnType<KeyStore['history']>>['next']
  do {
    const page = await store.history({ ...filter, sort: 'oldest', limit: 100, after })
    entries.push(...page.entries)
    after = page.next
  } while (after !== undefined)
  return entries
}

/**
 * Says how a history differs from the changes of a record; undefined if it does not. Each entry must
 * belong to an intended change, replace the version of the entry before it, and the last one must
 * lead to the stored record.
 */
export function historyProblem(
  noted: readonly NotedChange[],
  entries: readonly HistoryEntry[],
  record: StoredKey | undefined,
): string | undefined {
  let version: number | null = null
  for (const { id, type, version: written } of entries) {
    const change = noted.find((each) => each.entry === id && each.version === written)
    if (change?.change !== type) return `an entry ${type} that nobody intended`
    if (change.expected !== version) return `an entry ${type} that does not follow the last version`
    version = type === 'key.deleted' ? null : written
  }
  const stored = record?.kind === 'key' ? record.version : null
  if (version === stored) return undefined
  return `the entries lead to version ${version}, and the record has version ${stored}`
}
