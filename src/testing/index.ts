/** The store contract as data, and a clock for tests. @module twinkey/testing */

import type { StoreContractCase } from './contract-case.ts'
import { forgetCases } from './contract-forget.ts'
import { historyCases } from './contract-history.ts'
import { historyWriteCases } from './contract-history-writes.ts'
import { listPageCases } from './contract-list-pages.ts'
import { listCases } from './contract-lists.ts'
import { nameCases } from './contract-names.ts'
import { useCases } from './contract-uses.ts'
import { watchCases } from './contract-watch.ts'
import { writeCases } from './contract-writes.ts'

export type { StoreContractCase } from './contract-case.ts'

/** A clock that only moves when a test advances it. */
export interface TestClock {
  /** Returns epoch milliseconds. Pass it to `createTwinkey` as `now`. */
  readonly now: () => number
  /** Moves the time forward, or back for a negative number. */
  advance(milliseconds: number): void
}

/**
 * Creates a clock that stands still until it is advanced.
 *
 * @param start Epoch milliseconds. Default: 1 January 2026, 00:00 UTC.
 * @returns The clock.
 */
export function createTestClock(start = 1_767_225_600_000): TestClock {
  let time = start
  return {
    now: () => time,
    advance(milliseconds) {
      time += milliseconds
    },
  }
}

/**
 * The contract of {@link twinkey.KeyStore} as data. Run every case against your store, with any
 * test runner. The cases check what two instances on one backend show through the port. They do not
 * check durability or a failing backend: test those yourself.
 *
 * @see {@link twinkey.KeyStore}
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { memoryStore } from 'twinkey'
 * import { storeContract } from 'twinkey/testing'
 *
 * const store = memoryStore()
 * for (const { name, run } of storeContract) test(name, () => run(async () => store))
 * ```
 */
export const storeContract: readonly StoreContractCase[] = Object.freeze([
  ...writeCases,
  ...listCases,
  ...nameCases,
  ...listPageCases,
  ...historyWriteCases,
  ...historyCases,
  ...forgetCases,
  ...useCases,
  ...watchCases,
])
