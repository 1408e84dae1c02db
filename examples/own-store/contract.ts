// Runs the store contract with the test runner of Node:
// node examples/start.mjs own-store/contract
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { storeContract } from 'twinkey/testing'
import { type LmdbStore, lmdbStore } from './lmdb-store.ts'

const folder = mkdtempSync(join(process.env['FOLDER'] ?? tmpdir(), 'notes-'))
const opened: LmdbStore[] = []
after(async () => {
  await Promise.all(opened.map((store) => store.close()))
  rmSync(folder, { recursive: true })
})

// Each call opens another store on the same file. Two stores reveal a cache inside a store.
async function open(): Promise<LmdbStore> {
  const store = lmdbStore(folder)
  opened.push(store)
  return store
}

for (const { name, run } of storeContract) test(name, () => run(open))
