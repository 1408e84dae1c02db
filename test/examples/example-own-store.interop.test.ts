import { rmSync } from 'node:fs'
import { storeContract } from 'twinkey/testing'
import { expect, onTestFinished, test } from 'vitest'
import { runExample } from '../support/example.ts'
import { newFolder } from '../support/sqlite.ts'

test('the example own-store has a store that passes the contract in the test runner of Node', async () => {
  const folder = newFolder()
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const printed = await runExample('own-store/contract', { FOLDER: folder })
  const passed = [...printed.matchAll(/^ok \d+ - (.*)$/gm)].map(([, name]) => name)
  expect(passed).toEqual(storeContract.map(({ name }) => name))
  expect(printed).toMatch(/^# fail 0$/m)
})
