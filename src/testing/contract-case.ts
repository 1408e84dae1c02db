import type { KeyStore } from '../core/store/store.ts'

/** One sentence of the contract of a store, as a test for any runner. */
export interface StoreContractCase {
  /** The sentence. */
  readonly name: string
  /**
   * Checks it.
   *
   * @param open Opens another instance of the store on the same backend. Records of other cases may
   *   be there: each case looks at its own only.
   * @returns Resolves where the sentence holds, and rejects with what was found where it does not.
   */
  run(open: () => Promise<KeyStore>): Promise<void>
}
