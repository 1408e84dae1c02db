import { expect, it } from 'vitest'
import { createFormat } from '../../src/pane-app/base/format.ts'
import type { KeyLimit } from '../../src/pane-app/base/model.ts'
import { createText } from '../../src/pane-app/base/text.ts'
import { isLimited, limitText } from '../../src/pane-app/policies/limits.ts'

const text = createText({}, 'en')
const format = createFormat('en', 'UTC')

it.each<[KeyLimit, string]>([
  [{ requests: 1, perSeconds: 1 }, '1 request a second'],
  [{ requests: 1000, perSeconds: 60 }, '1,000 requests a minute'],
  [{ requests: 2, perSeconds: 3600 }, '2 requests an hour'],
  [{ requests: 50_000, per: 'day', name: 'daily' }, '50,000 requests a day (UTC)'],
  [{ requests: 9, per: 'month' }, '9 requests a month (UTC)'],
  [{ requests: 9, perSeconds: 30 }, '9 requests in 30 seconds'],
  [{ requests: 9, perSeconds: 900 }, '9 requests in 15 minutes'],
  [{ requests: 9, perSeconds: 86_400 }, '9 requests in 1 day'],
])('the limit %j reads as "%s"', (limit, sentence) => {
  expect(limitText(limit, text, format)).toBe(sentence)
})

it('another language can order the words of a limit and use its own plural forms', () => {
  const strings = {
    limit: '{window}: {requests}',
    requests_few: '{count} żądania',
    per_minute: 'na minutę',
  }
  const limit = { requests: 3, perSeconds: 60 }
  expect(limitText(limit, createText(strings, 'pl'), createFormat('pl'))).toBe(
    'na minutę: 3 żądania',
  )
})

it.each([
  [{ limits: null, networks: null }, false],
  [{ limits: [], networks: null }, false],
  [{ limits: [{ requests: 1, perSeconds: 1 }], networks: null }, true],
  [{ limits: null, networks: ['192.0.2.0/24'] }, true],
])('%j has limits or networks of its own: %s', (key, expected) => {
  expect(isLimited(key)).toBe(expected)
})
