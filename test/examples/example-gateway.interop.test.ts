import { expect, test } from 'vitest'
import { linesOf, runExample } from '../support/example.ts'

test('the example gateway guards a service in Python behind nginx and Caddy', async () => {
  const tour = [
    '200 without a key, a route that needs none',
    '401 without a key: credential_missing',
    '200 a tenant of the key',
    '403 another tenant: tenant_denied',
    '404 a path without a route: not_found',
    '400 a path that servers read in different ways: request_malformed',
    'With forged headers, the service sees {"caller":"Billing","customers":["Ada Lovelace"]}',
  ]
  expect(linesOf(await runExample('gateway'))).toEqual([
    'Through nginx',
    ...tour,
    'Through Caddy',
    ...tour,
  ])
})
