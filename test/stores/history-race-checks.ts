import type { HistoryEntry } from 'twinkey'
import type { KeyRecord } from 'twinkey/store'
import { expect } from 'vitest'
import type { Ledger } from './history-race-faults.ts'

/** A management call and how it came out. */
export interface Call {
  readonly actor: string
  readonly kind: string
  /** `done`, or the code of its error. */
  readonly outcome: string
}

// These change every key, and only once.
const CERTAIN = ['update', 'renew', 'renewOne', 'rotate']

/** The entries are the stored records, one for each, in order, and the deletion. */
export function expectLedger(history: readonly HistoryEntry[], { records, deleted }: Ledger): void {
  const id = history[0]?.keyId
  const written = sequenceOf(records, id).map((record) => ({
    ...{ version: record.version, at: record.updatedAt, name: record.name, owner: record.owner },
    tenants: record.scope.tenants,
    isEnd: false,
  }))
  const last = written.at(-1)
  const versions = deleted.filter((each) => each.id === id).map(({ version }) => version)
  const ended = [...new Set(versions)].map((version) => ({
    ...last,
    version,
    at: expect.any(Number),
    isEnd: true,
  }))
  const found = history.map(({ version, at, name, owner, tenants, type }) => ({
    ...{ version, at, name, owner },
    tenants,
    isEnd: type === 'key.deleted',
  }))
  expect(ended.length).toBeLessThanOrEqual(1)
  expect(found).toEqual([...written, ...ended])
  expect(new Set(history.map(({ id: each }) => each)).size).toBe(history.length)
}

// Versions grow, and the answers may come in another order. A store may answer twice that it has
// stored a version, if the write was repeated.
function sequenceOf(records: readonly KeyRecord[], id: string | undefined): KeyRecord[] {
  const byVersion = new Map(
    records.filter((record) => record.id === id).map((record) => [record.version, record]),
  )
  return [...byVersion.values()].sort((a, b) => a.version - b.version)
}

/** Each entry says what really changed between two records. */
export function expectChanges(history: readonly HistoryEntry[], { records }: Ledger): void {
  const sequence = sequenceOf(records, history[0]?.keyId)
  for (const [index, entry] of history.entries()) {
    const [before, after] = [sequence[index - 1], sequence[index]]
    if (before === undefined || after === undefined) continue
    const fresh = (['primary', 'secondary'] as const).filter((slot) => {
      const id = after[slot]?.id
      return id !== undefined && id !== before.primary.id && id !== before.secondary?.id
    })
    expect([entry.type, fresh]).toEqual([entry.type, entry.slots ?? []])
    const members = entry.type === 'key.updated' ? (['name', 'scope'] as const) : []
    expect(entry.changes ?? {}).toEqual(
      Object.fromEntries(members.map((member) => [member, [before[member], after[member]]])),
    )
    const disabler = entry.type === 'key.enabled' ? null : (before.disabledBy?.actor ?? null)
    expect(after.disabledBy?.actor ?? null).toBe(
      entry.type === 'key.disabled' ? entry.actor : disabler,
    )
    expect(after.secondary === null).toBe(
      entry.type === 'key.secondary_ended' || (before.secondary === null && fresh.length === 0),
    )
  }
}

/** A call that succeeds leaves its entry and its event, and one that is refused leaves neither. */
export function expectCalls(
  history: readonly HistoryEntry[],
  calls: readonly Call[],
  events: readonly HistoryEntry[],
): void {
  const ids = new Map(history.map((entry) => [entry.id, entry]))
  const ofKey = events.filter(({ keyId }) => keyId === history[0]?.keyId)
  expect(new Set(ofKey.map(({ id }) => id)).size).toBe(ofKey.length)
  for (const event of ofKey) expect(event).toEqual(ids.get(event.id))
  for (const { actor, kind, outcome } of calls) {
    const [entries, heard] = [history, ofKey].map(
      (list) => list.filter((entry) => entry.actor === actor).length,
    ) as [number, number]
    const what = `${kind} by ${actor}: ${outcome}`
    if (CERTAIN.includes(kind) && outcome === 'done')
      expect([what, entries, heard]).toEqual([what, 1, 1])
    else if (outcome !== 'done') expect([what, heard]).toEqual([what, 0])
    if (kind !== 'disable' && outcome !== 'done' && outcome !== 'outcome_unknown')
      expect([what, entries]).toEqual([what, 0])
    if (kind !== 'disable') expect([what, entries <= 1]).toEqual([what, true])
    if (kind !== 'disable' && outcome === 'done') expect([what, entries]).toEqual([what, heard])
  }
}
