import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { linesOf, runExample } from '../support/example.ts'

test('the example client calls an API while both secrets of its key are renewed, and no call fails', async () => {
  expect(linesOf(await runExample('client'))).toEqual([
    'Calls through the client',
    '401 the API without a token: credential_missing',
    '200 the service',
    '101 calls, 1 exchange',
    'The leaked primary secret is renewed',
    'The primary secret was refused. The secondary secret is in use.',
    'many calls meanwhile, 0 failed',
    'The new primary secret is delivered, and the secondary one is renewed',
    'The secondary secret was refused. The primary secret is in use.',
    'many calls meanwhile, 0 failed',
    'An hour later, the token has expired',
    '200 the service',
    '1 exchange',
  ])
})

test('the calling service imports only the client of Twinkey', () => {
  const text = readFileSync(new URL('../../examples/client/service.ts', import.meta.url), 'utf8')
  const imported = [...text.matchAll(/ from '(.+)'/g)].map(([, from]) => from)
  expect(imported).toEqual(['node:fs/promises', 'twinkey/client'])
})
