import type { KeyStore } from '../core/store/store.ts'

/** One rule of the store contract, as a test for any runner. */
export interface StoreContractCase {
  /** The rule, as a sentence. */
  readonly name: string
  /**
   * Checks the rule.
   *
   * Run the cases one after another: some end the history of all keys before 1 January 1970, 00:01
   * UTC.
   *
   * @param open Opens another instance of the store on the same backend. The backend may hold
   *   records of other cases: each case reads only its own.
   * @returns Resolves if the rule holds. Otherwise rejects with the expected and the actual value.
   */
  run(open: () => Promise<KeyStore>): Promise<void>
}
