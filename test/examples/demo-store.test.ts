import { expect, it } from 'vitest'
import { startDemo } from '../clients/newman/demo-process.ts'
import { hasSqlite } from '../support/other-node.ts'

// demo-store.interop.test.ts starts it on a Node that has SQLite.
it('the demo keeps its keys in memory without SQLite', async () => {
  const demo = startDemo(['--json'])
  expect(JSON.parse(await demo.lineWith('{')).store).toBe(hasSqlite() ? 'sqlite' : 'memory')
  expect(await demo.end()).toBe(0)
})
