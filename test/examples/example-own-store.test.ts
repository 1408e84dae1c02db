import { expect, test } from 'vitest'
import { linesOf, runExample } from '../support/example.ts'

// example-own-store.interop.test.ts runs the contract of the store.
test('the example own-store serves what another process writes, and loses nothing after a stop or a kill', async () =>
  expect(linesOf(await runExample('own-store'))).toEqual([
    'A key created by another process',
    '200 Ada reads her notes',
    '403 Ada reads the notes of Bob: tenant_denied',
    '403 Ada writes: workflow_denied',
    '204 Ada writes with the new scope',
    'A renewed secret',
    '200 the new secondary, at once',
    '200 the primary',
    '401 the old secondary, a moment later: credential_invalid',
    '200 a token',
    'Stopped and restarted',
    '200 the primary',
    '200 the secondary',
    '200 the token',
    '2 of 2 secrets show their last use',
    'Killed and restarted',
    '200 a key whose process was killed right after creating it',
    'its history: key.created',
    '401 the primary of a key disabled just before: credential_invalid',
    '401 the secondary of a key disabled just before: credential_invalid',
    '401 the token of a key disabled just before: credential_invalid',
  ]))
