import { expect, it } from 'vitest'
import { idInSecret, readSearch } from '../../src/pane-app/list/search.ts'

const ID = 'Vh3kQ2mZ8xT5bN1a'
const REST = 'R7cW9sLd4Gy0PqJfUuEeXiKoHvBnMzCtSr6wYDAjFgI3vzdEP'

it.each([
  ['a whole secret', `acme_${ID}${REST}`],
  ['a secret whose prefix has underscores', `my_live_key_${ID}${REST}`],
  ['a secret in a header', `Authorization: Bearer acme_${ID}${REST}`],
  ['a secret without its prefix', `${ID}${REST}`],
  ['a secret without its end', `acme_${ID}${REST.slice(0, 12)}`],
  ['a secret without prefix and end', `${ID}${REST.slice(0, 12)}`],
])('%s is cut down to the id of its key', (_, text) => {
  expect(REST.length).toBe(49)
  expect(idInSecret(text)).toBe(ID)
})

it.each(['', 'Billing export', ID, `${ID}${REST.slice(0, 11)}`, 'a-b-c '.repeat(20)])(
  'a text without much of a secret is left as it is: %j',
  (text) => {
    expect(idInSecret(text)).toBeUndefined()
  },
)

it.each([
  ['  ', { by: 'all' }],
  [ID, { by: 'id', id: ID }],
  [' aB3x ', { by: 'name or hint', text: 'aB3x' }],
  ['····aB3x', { by: 'hint', hint: 'aB3x' }],
  ['...aB3x', { by: 'hint', hint: 'aB3x' }],
  ['Billing', { by: 'name', name: 'Billing' }],
  ['a b ', { by: 'name', name: 'a b' }],
])('%j is a search by what it looks like', (text, search) => {
  expect(readSearch(text)).toEqual(search)
})
