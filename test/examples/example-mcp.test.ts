import { expect, test } from 'vitest'
import { linesOf, runExample } from '../support/example.ts'

test('the example mcp serves a key, a token and the client of the SDK, and refuses others', async () => {
  expect(linesOf(await runExample('mcp'))).toEqual([
    'A key, which the client sends with each request',
    'its customers: Ada Lovelace, Charles Babbage',
    '200 in the header X-API-Key',
    'An OAuth client, which finds the token endpoint and gets a token',
    'its customers: Ada Lovelace, Charles Babbage',
    'the scope of its token: customers.read',
    '200 its token',
    'Refused',
    '401 no credential: credential_missing',
    '401 a credential in the URL: credential_missing',
    '401 a token for another resource: credential_invalid',
    '403 a key without the workflow: workflow_denied',
    '403 a token without the workflow: workflow_denied',
    'A token is revoked, then the key',
    '200 the client revokes its token',
    '401 the token: credential_invalid',
    '200 another token',
    '401 the other token, after its key is revoked: credential_invalid',
    '401 the key: credential_invalid',
  ])
})
