import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { storeContract } from 'twinkey/testing'
import { expect, test } from 'vitest'
import { bun } from '../support/other-node.ts'
import { startPostgres } from '../support/postgres.ts'

test('the store over SQL of Bun fulfils the contract', async () => {
  const server = await startPostgres({ config: { synchronous_commit: 'off' } })
  const program = fileURLToPath(new URL('postgres-bun.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(bun(), [program, server.url])
  await server.stop()
  expect(JSON.parse(stdout)).toEqual({ ran: storeContract.length, failed: [] })
})
