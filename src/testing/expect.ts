import type { HistoryEntry } from '../core/model/history.ts'
import type { KeyStore, StoredKey } from '../core/store/store.ts'
import { same } from './same.ts'

// Each helper calls the store and checks the result. The thrown error names the call and the
// difference.

export async function expectGet(
  store: KeyStore,
  id: string,
  expected: StoredKey | undefined,
): Promise<void> {
  same(`get of ${id}`, await store.get(id), expected)
}

/** @param entry The entry of the history to write with the record. Default: none. */
export async function expectPut(
  store: KeyStore,
  next: StoredKey,
  expectedVersion: number | undefined,
  expected: 'stored' | 'conflict' | 'missing',
  entry?: HistoryEntry,
): Promise<void> {
  const where =
    expectedVersion === undefined
      ? 'that expects nothing there'
      : `that expects version ${expectedVersion}`
  same(
    `put of ${next.id} in version ${next.version} ${where}`,
    await store.put(next, expectedVersion, entry),
    expected,
  )
}

/** Stores new records, without entries. */
export async function putAll(store: KeyStore, records: readonly StoredKey[]): Promise<void> {
  for (let at = 0; at < records.length; at += 100)
    await Promise.all(
      records.slice(at, at + 100).map((record) => expectPut(store, record, undefined, 'stored')),
    )
}

/** @param entry The entry of the history to write with the deletion. Default: none. */
export async function expectDelete(
  store: KeyStore,
  id: string,
  expectedVersion: number,
  expected: 'deleted' | 'conflict' | 'missing',
  entry?: HistoryEntry,
): Promise<void> {
  same(
    `delete of ${id} that expects version ${expectedVersion}`,
    await store.delete(id, expectedVersion, entry),
    expected,
  )
}

/**
 * Lets timers run. A loop needs it that reads until writers are done: if a store answers without a
 * timer, its writers may wait for one forever.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve))
}
