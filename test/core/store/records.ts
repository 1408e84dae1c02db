import fc from 'fast-check'
import type { KeyRecord, StoredSecret } from '../../../src/core/model/api-key.ts'
import type { HistoryEntry } from '../../../src/core/model/history.ts'

// Random records and entries whose members often match each other.

export const NOW = 1_000_000
const names = ['ada', 'Ada', 'bob', 't', 'u']
const keyNames = [
  'n',
  'N\u0131ghtly',
  'nightly import',
  'NIGHTLY IMPORT',
  '\uff2e\uff49ghtly',
  '\ufb01le',
  'file',
  '\u0130stanbul',
  '\u00e9t\u00e9',
  'e\u0301te\u0301',
  '\u{1f511}\u{1f512}\u{1f513} keys',
  'stra\u00dfe',
  '%_*\\',
  '\uac00\u1100\u1161',
]

const times = fc.constantFrom(NOW - 2, NOW - 1, NOW, NOW + 1)
const tenants = fc.oneof(fc.constant('*' as const), fc.shuffledSubarray(['t', 'u', 'v']))
const owner = fc.option(fc.constantFrom(...names))

const secretOf = (id: string): fc.Arbitrary<StoredSecret> =>
  fc.record({
    id: fc.constant(id),
    digest: fc.constantFrom(
      `sha-256:${id.repeat(43)}`,
      `hmac-sha-256:p:${id.repeat(43)}`,
      `hmac-sha-256:q:${id.repeat(43)}`,
    ),
    hint: fc.constantFrom('', 'aaaa', 'bbbb', 'AAAA'),
    createdAt: fc.constant(1),
    expiresAt: fc.option(times),
  })

export const keyRecord: fc.Arbitrary<KeyRecord> = fc
  .record({
    name: fc.oneof(fc.constantFrom(...keyNames), fc.string({ unit: 'grapheme', minLength: 1 })),
    owner,
    tenants,
    isDisabled: fc.boolean(),
    createdAt: times,
    expiresAt: fc.option(times),
    revokedAt: fc.option(times, { freq: 1 }),
    primary: secretOf('a'),
    secondary: fc.option(secretOf('b')),
    uses: fc.dictionary(fc.constantFrom('a', 'b', 'c'), times),
  })
  .map(({ tenants, isDisabled, uses, ...members }) => ({
    ...members,
    kind: 'key',
    format: 2,
    id: 'k',
    version: 5,
    revision: 5,
    metadata: {},
    scope: { tenants, environments: '*', workflows: '*' },
    tokens: true,
    limits: null,
    networks: null,
    disabledBy: isDisabled ? { actor: null, owner: null, tenants: null, at: 1 } : null,
    updatedAt: NOW,
    revokedTokens: {},
    lastUsedAt: { ...uses },
  }))

export const historyEntry: fc.Arbitrary<HistoryEntry> = fc
  .record({ owner, tenants, keyId: fc.constantFrom('k', 'l') })
  .map((members) => ({
    ...members,
    id: 'e',
    type: 'key.updated',
    at: NOW,
    version: 5,
    name: 'n',
    actor: null,
  }))
