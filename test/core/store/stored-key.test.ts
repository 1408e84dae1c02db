import { type KeyRecord, memoryStore } from 'twinkey'
import { describe, expect, it } from 'vitest'
import { readRecord, recordProblem } from '../../../src/core/store/stored-key.ts'
import { createBench } from '../../support/bench.ts'

const store = memoryStore()
const { key: view } = await createBench({ store }).twinkey.keys.create({
  name: 'n',
  owner: 'ada',
  scope: { tenants: ['t'], workflows: '*' },
})
const record = (await store.get(view.id)) as KeyRecord
const secondary = record.secondary as NonNullable<KeyRecord['secondary']>
const alias = { kind: 'alias', id: record.id, version: 1, keyId: record.id }

describe('a record from a store', () => {
  it.each<[string, object]>([
    ['a key', record],
    ['a key with one secret', { ...record, secondary: null }],
    [
      'a key that was used, of nobody, with an end',
      {
        ...record,
        owner: null,
        expiresAt: 1,
        revokedAt: 1,
        lastUsedAt: { [record.primary.id]: 1 },
      },
    ],
    ['an alias', alias],
  ])('may be %s', (_name, value) => {
    expect(recordProblem(value)).toBeUndefined()
    expect(readRecord(value as KeyRecord)).toEqual(value)
  })

  it.each<[unknown, string]>([
    [undefined, 'a record must be a plain object, but is missing'],
    [null, 'a record must be a plain object, but is null'],
    [[record], 'a record must be a plain object, but is a list'],
    ['text', 'a record must be a plain object, but is an invalid string'],
    [{ ...alias, id: 7 }, 'id must be an id, but is an invalid number'],
    [{ ...alias, version: 0 }, 'version must be a whole number, but is an invalid number'],
    [{ ...alias, keyId: '' }, 'keyId must be an id, but is an invalid string'],
    [{ ...record, id: undefined }, 'id must be an id, but is missing'],
    [{ ...record, version: 0 }, 'version must be a whole number, but is an invalid number'],
    [{ ...record, version: 1.5 }, 'version must be a whole number, but is an invalid number'],
    [{ ...record, version: '1' }, 'version must be a whole number, but is an invalid string'],
    [{ ...record, kind: 'other' }, "kind must be 'key' or 'alias', but is an invalid string"],
    [{ ...record, name: '' }, 'name must be a name, but is an invalid string'],
    [{ ...record, owner: '' }, 'owner must be a name or null, but is an invalid string'],
    [{ ...record, metadata: [] }, 'metadata must be a JSON object, but is a list'],
    [{ ...record, scope: {} }, 'scope must be a scope, but is an invalid object'],
    [{ ...record, enabled: 1 }, 'enabled must be true or false, but is an invalid number'],
    [{ ...record, createdAt: null }, 'createdAt must be epoch milliseconds, but is null'],
    [
      { ...record, updatedAt: '1' },
      'updatedAt must be epoch milliseconds, but is an invalid string',
    ],
    [
      { ...record, expiresAt: 0 },
      'expiresAt must be epoch milliseconds or null, but is an invalid number',
    ],
    [
      { ...record, revokedAt: undefined },
      'revokedAt must be epoch milliseconds or null, but is missing',
    ],
    [{ ...record, primary: null }, 'primary must be a stored secret, but is null'],
    [{ ...record, secondary: [] }, 'secondary must be a stored secret or null, but is a list'],
    [
      { ...record, lastUsedAt: { a: 0 } },
      'lastUsedAt must be an object of epoch milliseconds by secret id, but is an invalid object',
    ],
    [
      { ...record, primary: { ...record.primary, id: '' } },
      'primary.id must be an id, but is an invalid string',
    ],
    [
      { ...record, primary: { ...record.primary, digest: '' } },
      'primary.digest must be a digest with its algorithm, but is an invalid string',
    ],
    [
      { ...record, primary: { ...record.primary, hint: 'abcde' } },
      'primary.hint must be a string of at most four characters, but is an invalid string',
    ],
    [
      { ...record, primary: { ...record.primary, hint: 'a\n' } },
      'primary.hint must be a string of at most four characters, but is an invalid string',
    ],
    [
      { ...record, primary: { ...record.primary, hint: [] } },
      'primary.hint must be a string of at most four characters, but is a list',
    ],
    [
      { ...record, primary: { ...record.primary, createdAt: -1 } },
      'primary.createdAt must be epoch milliseconds, but is an invalid number',
    ],
    [
      { ...record, secondary: { ...secondary, expiresAt: 'x' } },
      'secondary.expiresAt must be epoch milliseconds or null, but is an invalid string',
    ],
    [
      { ...record, secondary: { ...secondary, id: record.primary.id } },
      'primary and secondary must not be the same secret',
    ],
    [
      { ...record, secondary: { ...secondary, digest: record.primary.digest } },
      'primary and secondary must not be the same secret',
    ],
  ])(
    'is refused with a message that says what is wrong and shows no value: %#',
    (value, problem) => {
      expect(recordProblem(value)).toBe(problem)
    },
  )

  it('is copied without unknown members, and frozen', () => {
    const read = readRecord({
      ...record,
      more: 1,
      lastUsedAt: { a: 1 },
      metadata: { b: 2 },
    } as unknown as KeyRecord)
    expect(read).toEqual({ ...record, lastUsedAt: { a: 1 }, metadata: { b: 2 } })
    expect(
      [read, (read as KeyRecord).primary, (read as KeyRecord).lastUsedAt].every(Object.isFrozen),
    ).toBe(true)
  })
})
