/**
 * The port of a store: what you implement to keep keys in a database of your choice.
 *
 * @module twinkey/store
 */

export type { AliasRecord, KeyRecord, StoredSecret } from '../model/api-key.ts'
export { matchesQuery } from './list-query.ts'
export type { KeyStore, ListQuery, SecretUse, StoredKey } from './store.ts'
export { notWritten } from './store-error.ts'
