import { type KeyRecord, memoryStore } from 'twinkey'
import { expect, it } from 'vitest'
import { labelsAsked, labelsOf } from '../../../src/core/store/list-query.ts'
import { createBench } from '../../support/bench.ts'

const store = memoryStore()
const { keys } = createBench({ store }).twinkey
const recordOf = async (owner: string | null, tenants: '*' | string[]) =>
  (await store.get(
    (
      await keys.create({
        name: 'n',
        ...(owner !== null && { owner }),
        scope: { tenants, workflows: '*' },
      })
    ).key.id,
  )) as KeyRecord

it('an index finds a key by its tenants, its owner, its pepper and its state', async () => {
  expect(labelsOf(await recordOf('ada', ['t', 'u']))).toEqual([
    'tenant:t',
    'tenant:u',
    'owner:ada',
    'no-pepper',
    'state:enabled',
    'key',
  ])
  const single = { ...(await recordOf(null, '*')), secondary: null }
  expect(labelsOf(single)).toEqual(['no-owner', 'no-pepper', 'state:enabled', 'key'])
})

it('an index finds no alias', () => {
  expect(labelsOf({ kind: 'alias', id: 'i', version: 1, keyId: 'k' })).toEqual([])
})

it('the index lookup begins with the condition that the fewest keys match', () => {
  expect(labelsAsked({})).toEqual(['key'])
  expect(labelsAsked({ state: 'revoked', tenant: 't' })).toEqual(['tenant:t', 'state:revoked'])
  expect(labelsAsked({ pepper: null, owner: null })).toEqual(['no-owner', 'no-pepper'])
  expect(labelsAsked({ owner: 'ada', pepper: 'p' })).toEqual(['owner:ada', 'pepper:p'])
})
