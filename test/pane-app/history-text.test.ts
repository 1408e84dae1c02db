import { expect, it } from 'vitest'
import { createFormat } from '../../src/pane-app/base/format.ts'
import type { HistoryEntry } from '../../src/pane-app/base/model.ts'
import { createText } from '../../src/pane-app/base/text.ts'
import { historyChanges, historySentence } from '../../src/pane-app/key/history-text.ts'

const text = createText({}, 'en')
const format = createFormat('en', 'UTC')
const entryOf = (members: Partial<HistoryEntry>) =>
  ({ type: 'key.updated', actor: 'ada', ...members }) as HistoryEntry
const sentence = (members: Partial<HistoryEntry>) =>
  historySentence(entryOf(members), 'me', text, format)
const changes = (members: NonNullable<HistoryEntry['changes']>) =>
  historyChanges(entryOf({ changes: members }), text, format)

it.each([
  [{ type: 'key.created' }, 'ada created the key'],
  [{ type: 'key.imported' }, 'ada imported the key'],
  [{ type: 'key.updated' }, 'ada edited the key'],
  [{ type: 'key.enabled' }, 'ada enabled the key'],
  [{ type: 'key.disabled' }, 'ada disabled the key'],
  [{ type: 'key.rotated', slots: ['primary'] }, 'ada replaced the primary secret'],
  [{ type: 'key.renewed', slots: ['secondary'] }, 'ada renewed the secondary secret'],
  [{ type: 'key.renewed', slots: ['primary', 'secondary'] }, 'ada renewed both secrets'],
  [{ type: 'key.secondary_ended' }, 'ada ended the secondary secret'],
  [{ type: 'key.revoked' }, 'ada revoked the key'],
  [{ type: 'key.deleted' }, 'ada deleted the key'],
] as const)('%j is one sentence', (members, expected) => {
  expect(sentence(members)).toBe(expected)
})

it('the person who reads is "You", and an unknown actor is "Someone"', () => {
  expect(sentence({ type: 'key.created', actor: 'me' })).toBe('You created the key')
  expect(sentence({ type: 'key.created', actor: null })).toBe('Someone created the key')
})

it.each([
  [{ name: ['a', 'b'] }, ['Name: “a” → “b”']],
  [{ expiresAt: [null, Date.UTC(2027, 1, 19)] }, ['Expires: Never → Feb 19, 2027']],
  [{ tokens: [true, false] }, ['Tokens: not allowed']],
  [{ metadata: [{}, { team: 'x' }] }, ['Metadata changed']],
  [{ limits: [[], null] }, ['Limits: those of this API']],
  [{ limits: [null, []] }, ['Limits: none']],
  [
    {
      limits: [
        null,
        [
          { requests: 1000, perSeconds: 60 },
          { requests: 5, per: 'day' },
        ],
      ],
    },
    ['Limits: 1,000 requests a minute and 5 requests a day (UTC)'],
  ],
  [{ networks: [null, ['192.0.2.0/24']] }, ['Networks: only 192.0.2.0/24']],
  [{ networks: [['192.0.2.0/24'], null] }, ['Networks: all']],
  [
    { networks: [['192.0.2.0/24'], ['2001:db8::/32']] },
    ['Networks: added 2001:db8::/32', 'Networks: removed 192.0.2.0/24'],
  ],
  [{ colour: [null, 'red'] }, ['colour changed']],
] as const)('%j reads as one line', (members, expected) => {
  expect(changes(members)).toEqual(expected)
})

it('a new scope reads as what was added and removed on each axis', () => {
  const before = { tenants: ['a'], environments: ['test'], workflows: ['x', 'y'] }
  const after = { tenants: '*', environments: ['test'], workflows: ['y', 'z'] }
  expect(changes({ scope: [before, after] })).toEqual([
    'Tenants: all',
    'Workflows: added z',
    'Workflows: removed x',
  ])
  expect(changes({ scope: [after, before] })[0]).toBe('Tenants: only a')
})
