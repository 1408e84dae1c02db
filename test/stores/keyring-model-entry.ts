import type { HistoryEntry, Json, Scope } from 'twinkey'
import type { ModelKey } from './keyring-model-key.ts'

export type EntryType = HistoryEntry['type']

/** An entry of the history as the documentation promises it. Its id is random. */
export type ModelEntry = Omit<HistoryEntry, 'id'>

/** The entry for a change, from the key after it, or from the deleted key. */
export function entryOf(
  type: EntryType,
  { id: keyId, version, name, owner, scope }: ModelKey,
  at: number,
  actor: string | null,
): ModelEntry {
  return { type, at, keyId, version, name, owner, tenants: scope.tenants, actor }
}

/** The members that an update changed, each with its values before and after. */
export function updatesOf(before: ModelKey, after: ModelKey): ModelEntry['changes'] {
  const members = ['name', 'tokens', 'expiresAt', 'metadata'] as const
  const text = ({ tenants, environments, workflows }: Scope) =>
    JSON.stringify([tenants, environments, workflows])
  return {
    ...Object.fromEntries(
      members
        .filter((member) => JSON.stringify(before[member]) !== JSON.stringify(after[member]))
        .map((member): [string, [Json, Json]] => [member, [before[member], after[member]]]),
    ),
    ...(text(before.scope) === text(after.scope)
      ? {}
      : { scope: [before.scope, after.scope] as unknown as [Json, Json] }),
  }
}

/** Puts entries of different keys into one order: that of the history is random within a moment. */
export function inOrder(entries: readonly ModelEntry[]): ModelEntry[] {
  const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return [...entries].sort(
    (a, b) => a.at - b.at || byText(a.keyId, b.keyId) || byText(a.type, b.type),
  )
}
