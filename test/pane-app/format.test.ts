import { describe, expect, it } from 'vitest'
import { createFormat } from '../../src/pane-app/base/format.ts'
import { createText } from '../../src/pane-app/base/text.ts'

const NOW = Date.UTC(2026, 10, 29, 12)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('a relative time', () => {
  const format = createFormat('en', 'UTC')
  it.each([
    [0, 'now'],
    [-MINUTE + 1, 'now'],
    [-MINUTE, '1 min ago'],
    [-HOUR + 1, '59 min ago'],
    [-HOUR, '1 hr ago'],
    [-2 * DAY + 1, '47 hr ago'],
    [-2 * DAY, '2 days ago'],
    [1, 'in 1 min'],
    [9 * HOUR - 1, 'in 9 hr'],
    [90 * DAY - 1, 'in 90 days'],
  ])('%d ms from now reads %s', (distance, text) => {
    expect(format.relative(NOW + distance, NOW)).toBe(text)
  })

  it('follows the language of the page', () => {
    expect(createFormat('de', 'UTC').relative(NOW + 90 * DAY, NOW)).toBe('in 90 Tagen')
  })
})

it('days and lists follow the language of the page', () => {
  expect(createFormat('en', 'UTC').day(NOW)).toBe('Nov 29, 2026')
  expect(createFormat('de', 'UTC').day(NOW)).toBe('29.11.2026')
  expect(createFormat('en').names(['a', 'b', 'c'])).toBe('a, b, and c')
})

describe('texts', () => {
  it('can be replaced, and the others stay', () => {
    const { t } = createText({ done: 'Fertig' }, 'de')
    expect(t('done')).toBe('Fertig')
    expect(t('cancel')).toBe('Cancel')
  })

  it('fill placeholders with texts that look like placeholders or patterns', () => {
    const { t } = createText({}, 'en')
    expect(t('title_edit', { name: '{name} $& $1' })).toBe('Edit “{name} $& $1”')
  })

  it('keep elements between their words', () => {
    const { rich } = createText({}, 'en')
    expect(rich('day_and_distance', { day: 1, distance: 2 })).toEqual(['', 1, ', ', 2, ''])
  })

  it('take the plural form that the language needs', () => {
    expect(createText({}, 'en').count('keys_shown', 1)).toBe('1 key is shown.')
    expect(createText({}, 'en').count('keys_shown', 0)).toBe('0 keys are shown.')
    const polish = createText({ keys_shown_few: '{count} klucze', keys_shown_other: '-' }, 'pl')
    expect(polish.count('keys_shown', 3)).toBe('3 klucze')
    expect(polish.count('keys_shown', 2.5)).toBe('-')
  })
})

it.each([
  [1, '1 second'],
  [90, '90 seconds'],
  [900, '15 minutes'],
  [86_400, '1 day'],
  [90 * 86_400, '90 days'],
])('%i seconds are "%s"', (seconds, expected) => {
  expect(createFormat('en').duration(seconds)).toBe(expected)
})

it('a number has the separators of the language', () => {
  expect(createFormat('en').number(50_000)).toBe('50,000')
  expect(createFormat('de').number(50_000)).toBe('50.000')
})
