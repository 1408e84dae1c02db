import type { KeyRecord } from 'twinkey/store'
import { describe, expect, it } from 'vitest'
import {
  copyRecord,
  currentRecord,
  readRecord,
  recordProblem,
} from '../../../src/core/store/stored-key.ts'

const NOW = 1_767_225_600_000
const secondary = {
  id: 'two',
  digest: `hmac-sha-256:p:${'E'.repeat(43)}`,
  hint: 'bbbb',
  createdAt: NOW,
  expiresAt: NOW + 1,
}
const record: KeyRecord = {
  kind: 'key',
  format: 2,
  id: 'k',
  version: 5,
  revision: 4,
  name: 'n',
  owner: 'ada',
  metadata: {},
  scope: { tenants: ['t'], environments: '*', workflows: '*' },
  tokens: true,
  limits: null,
  networks: null,
  disabledBy: null,
  createdAt: NOW,
  updatedAt: NOW + 2,
  expiresAt: null,
  revokedAt: null,
  primary: {
    id: 'one',
    digest: `sha-256:${'A'.repeat(43)}`,
    hint: 'aaaa',
    createdAt: NOW,
    expiresAt: null,
  },
  secondary,
  revokedTokens: {},
  lastUsedAt: {},
}
const disabledBy = { actor: 'ada', owner: 'ada', tenants: ['t'], at: NOW }
const limits = [
  { name: 'burst', requests: 5, perSeconds: 1 },
  { requests: 9, per: 'month' as const },
]
/** A record as the pre-release wrote it. */
const { format: _f, revision: _r, tokens: _t, limits: _l, networks: _n, ...rest } = record
const { disabledBy: _d, revokedTokens: _v, ...old } = rest
const format1 = { ...old, enabled: true }
const alias = { kind: 'alias', id: record.id, version: 1, keyId: record.id }

const LATER = 'a later version of Twinkey wrote this record. Update this process'
const LIMITS_PROBLEM = 'limits must be a list of limits or null, but is an invalid object'
const NETWORKS_PROBLEM = 'networks must be a list of networks or null, but is an invalid string'
const REVOKED_PROBLEM =
  'revokedTokens must be an object of epoch milliseconds by token id, but is missing'

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
    [
      'a key with every member',
      {
        ...record,
        tokens: false,
        limits,
        networks: ['192.0.2.0/24'],
        disabledBy,
        revokedTokens: { token: NOW },
      },
    ],
    ['a disabled key of nobody', { ...record, disabledBy: { ...disabledBy, tenants: null } }],
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
    [{ ...record, format: 3 }, LATER],
    [{ format: 3 }, LATER],
    [{ ...alias, format: 3 }, LATER],
    [{ ...record, format: undefined }, 'format must be the format of this version, but is missing'],
    [
      { ...record, format: 1 },
      'format must be the format of this version, but is an invalid number',
    ],
    [
      { ...record, format: '2' },
      'format must be the format of this version, but is an invalid string',
    ],
    [{ ...record, revision: 0 }, 'revision must be a whole number, but is an invalid number'],
    [{ ...record, tokens: 1 }, 'tokens must be true or false, but is an invalid number'],
    [{ ...record, tokens: undefined }, 'tokens must be true or false, but is missing'],
    [{ ...record, limits: {} }, LIMITS_PROBLEM],
    [{ ...record, limits: undefined }, 'limits must be a list of limits or null, but is missing'],
    ...[
      5,
      { requests: 0, per: 'day' },
      { requests: 1.5, per: 'day' },
      { requests: 1 },
      { requests: 1, per: 'week' },
      { requests: 1, per: 'day', perSeconds: 1 },
      { name: 'n' },
    ].map((limit): [unknown, string] => [
      { ...record, limits: [limit] },
      'limits must be a list of limits or null, but is a list',
    ]),
    [{ ...record, networks: '*' }, NETWORKS_PROBLEM],
    [{ ...record, networks: [''] }, 'networks must be a list of networks or null, but is a list'],
    [
      { ...record, disabledBy: false },
      'disabledBy must be an object or null, but is an invalid boolean',
    ],
    [{ ...record, disabledBy: undefined }, 'disabledBy must be an object or null, but is missing'],
    [
      { ...record, disabledBy: { ...disabledBy, owner: 5 } },
      'disabledBy.owner must be a name or null, but is an invalid number',
    ],
    [
      { ...record, disabledBy: { ...disabledBy, actor: undefined } },
      'disabledBy.actor must be a name or null, but is missing',
    ],
    [
      { ...record, disabledBy: { ...disabledBy, tenants: '*' } },
      'disabledBy.tenants must be a list of names or null, but is an invalid string',
    ],
    [
      { ...record, disabledBy: { ...disabledBy, at: null } },
      'disabledBy.at must be epoch milliseconds, but is null',
    ],
    [
      { ...record, revokedTokens: { a: 'x' } },
      'revokedTokens must be an object of epoch milliseconds by token id, but is an invalid object',
    ],
    [{ ...record, revokedTokens: undefined }, REVOKED_PROBLEM],
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

describe('a record of format 1', () => {
  it('becomes one of the current format, with its values unchanged', () => {
    expect(recordProblem(currentRecord(format1))).toBeUndefined()
    expect(currentRecord(format1)).toEqual({ ...record, revision: record.version })
    expect(copyRecord(format1)).toEqual({ ...record, revision: record.version })
  })

  it('that was disabled is a key that an operator disabled at its last change', () => {
    expect(currentRecord({ ...format1, enabled: false })).toEqual({
      ...record,
      revision: record.version,
      disabledBy: { actor: null, owner: null, tenants: null, at: record.updatedAt },
    })
  })

  it('is not changed itself, and a record of the current format is returned as it is', () => {
    const given = Object.freeze({ ...format1 })
    const next = currentRecord(given)
    expect(given).toEqual(format1)
    expect(currentRecord(next)).toBe(next)
    expect(currentRecord(record)).toBe(record)
    expect(currentRecord(alias)).toBe(alias)
  })

  it.each<[string, object]>([
    ['no enabled', { enabled: undefined }],
    ['an enabled that is no boolean', { enabled: 1 }],
    ['an enabled of "false"', { enabled: 'false' }],
    ['enabled and a format', { format: 1 }],
    ['a malformed version', { version: '5' }],
    ['a malformed scope', { scope: null }],
    ['no owner', { owner: undefined }],
    ['a malformed updatedAt, while disabled', { enabled: false, updatedAt: 'now' }],
  ])('stays refused with %s', (_, change) => {
    expect(recordProblem(copyRecord({ ...format1, ...change }))).toBeTypeOf('string')
  })

  it('loses unknown members', () => {
    const copy = copyRecord({ ...format1, more: 1 })
    expect(recordProblem(copy)).toBeUndefined()
    expect(readRecord(copy as KeyRecord)).toEqual({ ...record, revision: record.version })
  })

  it.each<[string, object]>([
    ['revision', { revision: 4 }],
    ['tokens', { tokens: false }],
    ['limits', { limits: null }],
    ['networks', { networks: [] }],
    ['disabledBy', { disabledBy }],
    ['revokedTokens', { revokedTokens: { t: NOW } }],
  ])('is refused with a later member, which it would lose: %s', (_, later) => {
    expect(recordProblem(currentRecord({ ...format1, ...later }))).toBeTypeOf('string')
    expect(recordProblem(copyRecord({ ...format1, ...later }))).toBeTypeOf('string')
  })
})

it.each([true, false, null])(
  'a record of the current format cannot have enabled: %j',
  (enabled) => {
    expect(recordProblem(copyRecord({ ...record, enabled }))).toContain('enabled')
  },
)

it.each<unknown>([undefined, null, 5, 'text', [], [record], new Map()])(
  'a value that is no record stays as it is: %#',
  (value) => {
    expect(currentRecord(value)).toBe(value)
  },
)

it('a record keeps no part that its store can change later', () => {
  const given = structuredClone({ ...record, limits, networks: ['192.0.2.0/24'], disabledBy })
  const read = readRecord(copyRecord(given) as KeyRecord) as KeyRecord
  const before = structuredClone(read)
  given.limits.push({ requests: 9 } as never)
  Object.assign(given.limits[0] as object, { requests: 9 })
  given.networks.push('0.0.0.0/0')
  given.disabledBy.tenants.push('u')
  expect(read).toEqual(before)
  const parts = [read.limits, read.limits?.[0], read.networks, read.disabledBy]
  expect([...parts, read.disabledBy?.tenants, read.revokedTokens].every(Object.isFrozen)).toBe(true)
})
