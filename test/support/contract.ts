import { storeContract } from 'twinkey/testing'

// These cases write thousands of keys or entries one by one.
const LARGE = [
  'lists 10,000 keys page by page',
  'follows short and empty pages to the one key among many',
  'forgets the oldest entries first',
]
const isLarge = (name: string) => LARGE.some((beginning) => name.startsWith(beginning))

/**
 * The cases of the contract that take most of its time. `npm test` runs them on the memory store and
 * on SQLite, `npm run test:interop` on the others.
 */
export const largeContract = storeContract.filter(({ name }) => isLarge(name))

/** All other cases. */
export const smallContract = storeContract.filter(({ name }) => !isLarge(name))

if (largeContract.length !== LARGE.length)
  throw new Error('A case of the contract has another name: change the list in this file.')

export type Contract = typeof storeContract
