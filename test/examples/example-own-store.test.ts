import { rmSync } from 'node:fs'
import { storeContract } from 'twinkey/testing'
import { expect, onTestFinished, test } from 'vitest'
import { linesOf, runExample } from '../support/example.ts'
import { newFolder } from '../support/sqlite.ts'

test('the store of the example own-store meets the contract, in the test runner of Node', async () => {
  const folder = newFolder()
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const printed = await runExample('own-store/contract', { FOLDER: folder })
  const passed = [...printed.matchAll(/^ok \d+ - (.*)$/gm)].map(([, name]) => name)
  expect(passed).toEqual(storeContract.map(({ name }) => name))
  expect(printed).toMatch(/^# fail 0$/m)
})

test('the example own-store serves the writes of another process, and keeps everything through a stop and a kill', async () => {
  expect(linesOf(await runExample('own-store'))).toEqual([
    'A key, made by another process',
    '200 Ada reads hers',
    '403 Ada reads those of Bob: tenant_denied',
    '403 Ada writes: workflow_denied',
    '204 Ada writes, now that she may',
    'A secret made anew',
    '200 the new secondary, at once',
    '200 the primary',
    '401 the old secondary, a moment later: credential_invalid',
    '200 a token',
    'Stopped and started',
    '200 the primary',
    '200 the secondary',
    '200 the token',
    '2 of 2 secrets show when they were used last',
    'Killed and started',
    '200 a key of a process that was killed when it had made it',
    '401 the primary of one disabled just before: credential_invalid',
    '401 the secondary of one disabled just before: credential_invalid',
    '401 the token of one disabled just before: credential_invalid',
  ])
})
