/**
 * The port of a store: what you implement to keep keys in a database of your choice.
 *
 * @module twinkey/store
 */

export type {
  AliasRecord,
  DisabledBy,
  KeyLimit,
  KeyRecord,
  KeyState,
  StoredSecret,
} from '../model/api-key.ts'
export type { ChangeSource, ChangeType, HistoryEntry } from '../model/history.ts'
export {
  type HistoryFilter,
  historyLabelsOf,
  leadingHistoryLabel,
  matchesHistory,
} from './history-query.ts'
export { isListed, type ListFilter, labelsOf, leadingLabel, matchesQuery } from './list-query.ts'
export { comparePositions, fillPage, type Scan } from './paging.ts'
export type {
  HistoryPage,
  HistoryQuery,
  KeyPage,
  KeyStore,
  ListQuery,
  Position,
  SecretUse,
  StoredKey,
} from './store.ts'
export { notWritten } from './store-error.ts'
export { currentRecord } from './stored-key.ts'
