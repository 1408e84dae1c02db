/** The contract of a store as data, and a clock for tests. @module twinkey/testing */

import type { StoreContractCase } from './contract-case.ts'
import { listCases } from './contract-lists.ts'
import { writeCases } from './contract-writes.ts'

export type { StoreContractCase } from './contract-case.ts'

/** A clock that a test turns by hand. */
export interface TestClock {
  /** Epoch milliseconds; hand it to `createTwinkey` as `now`. */
  readonly now: () => number
  /** Moves the time by so many milliseconds, forward or back. */
  advance(milliseconds: number): void
}

/**
 * Makes a clock that stands still until it is turned.
 *
 * @param start Epoch milliseconds: the first of January 2026 unless given.
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
 * The contract of {@link twinkey.KeyStore} as data: run every case against a store of your own,
 * with whichever test runner you have. It checks what can be seen through the port with two
 * instances on one backend. Durability, and what happens when the backend fails, are yours to test.
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
])
