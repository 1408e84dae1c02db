import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { HistoryEntry } from 'twinkey'

/** An entry that was read and not delivered yet. */
export interface Pending {
  readonly entry: HistoryEntry
  /** It is sent when the history was read to its end this many times. */
  readonly afterRound: number
}

/** What a sender must not forget. */
export interface State {
  cursor: string | number
  /** How often the history was read to its end. */
  rounds: number
  /** The undelivered entries of each key, in order. */
  readonly pending: Map<string, Pending[]>
  /** The times of the entries of the last minutes by id, because the history repeats them. */
  readonly seen: Map<string, number>
}

// The history repeats the entries of 120 seconds.
const REMEMBERED_MILLISECONDS = 300_000

/** Reads the state of an earlier run. */
export function readState(file: string): State {
  const saved = existsSync(file)
    ? JSON.parse(readFileSync(file, 'utf8'))
    : { cursor: 0, rounds: 0, pending: [], seen: [] }
  return { ...saved, pending: new Map(saved.pending), seen: new Map(saved.seen) }
}

/** Replaces the file at once, so that a sender that is killed leaves the old state or the new one. */
export function writeState(file: string, state: State): void {
  const saved = { ...state, pending: [...state.pending], seen: [...state.seen] }
  writeFileSync(`${file}.new`, JSON.stringify(saved))
  renameSync(`${file}.new`, file)
}

/** Adds the entries that were not seen before. */
export function addEntries(state: State, entries: readonly HistoryEntry[]): void {
  for (const entry of entries) {
    if (state.seen.has(entry.id)) continue
    state.seen.set(entry.id, entry.at)
    const pending = state.pending.get(entry.keyId) ?? []
    state.pending.set(entry.keyId, pending)
    // An earlier change of the same key may be stored at a place that was already read. The next
    // round reads it, because it was stored before this one.
    pending.push({ entry, afterRound: state.rounds + 2 })
    pending.sort((one, other) => one.entry.at - other.entry.at)
  }
}

/** Counts a round, and forgets the ids that the history does not repeat any more. */
export function endRound(state: State): void {
  state.rounds++
  let newest = 0
  for (const at of state.seen.values()) newest = Math.max(newest, at)
  for (const [id, at] of state.seen)
    if (at < newest - REMEMBERED_MILLISECONDS) state.seen.delete(id)
}
