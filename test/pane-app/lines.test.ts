import { expect, it } from 'vitest'
import { curlLine, envLines, groupsOf, headerLine } from '../../src/pane-app/once/lines.ts'

const SECRET = `acme_${'Vh3kQ2mZ8xT5bN1a'}${'R7cW9sLd4Gy0PqJfUuEeXiKoHvBnMzCtSr6wYDAjFgI3vzdEP'}`
const TEST = { url: null, header: 'Authorization', value: 'Bearer {secret}' }

it('the curl line calls the origin of the page unless a URL is configured', () => {
  expect(curlLine(TEST, 'https://a.example', 's_1')).toBe(
    `curl -H 'Authorization: Bearer s_1' 'https://a.example/'`,
  )
  expect(curlLine({ ...TEST, url: `https://b.example/it's` }, '', 's_1')).toBe(
    `curl -H 'Authorization: Bearer s_1' 'https://b.example/it'\\''s'`,
  )
})

it('the header carries the secret as it is, whatever it looks like', () => {
  expect(headerLine({ ...TEST, header: 'X-API-Key', value: '{secret}' }, '$&')).toBe(
    'X-API-Key: $&',
  )
})

it('the lines for .env name the secret for callers first', () => {
  const shown = [
    { slot: 'primary', secret: 'a' },
    { slot: 'secondary', secret: 'b' },
  ] as const
  expect(envLines(shown, 'API_KEY')).toBe('API_KEY=a\nAPI_KEY_SECONDARY=b')
  expect(envLines(shown.slice(1), 'API_KEY')).toBe('API_KEY=b')
})

it('the groups of a secret join to the whole secret', () => {
  for (const secret of [SECRET, 'imported-secret-of-another-form']) {
    const { prefix, groups } = groupsOf(secret)
    expect(prefix + groups.join('')).toBe(secret)
  }
  expect(groupsOf(SECRET).prefix).toBe('acme_')
  expect(groupsOf(SECRET).groups.slice(0, 2).join('')).toBe('Vh3kQ2mZ8xT5bN1a')
})
