import {
  type AliasRecord,
  type DisabledBy,
  freezeJson,
  isId,
  type KeyRecord,
  type Metadata,
  RECORD_FORMAT,
  type StoredSecret,
} from '../model/api-key.ts'
import {
  hintProblem,
  isPlainObject,
  MAX_METADATA_DEPTH,
  metadataProblem,
  nameProblem,
  timeProblem,
} from '../model/checks.ts'
import { copyJson, copyList, copyMembers } from '../model/copy.ts'
import { copyLimits, freezeLimits, limitsProblem } from '../model/key-limit.ts'
import { networksProblem } from '../model/network.ts'
import { copyScope, freezeScope, type Scope, scopeProblem } from '../model/scope.ts'
import { isDigest } from '../secrets/digest.ts'

// A member, its required form, and the check of it.
type Rule = readonly [member: string, form: string, holds: (value: unknown) => boolean]

const isTime = (value: unknown) => timeProblem(value) === undefined
// Fake clocks may start at 0.
const isReading = (value: unknown) => value === 0 || isTime(value)
const isTimeOrNull = (value: unknown) => value === null || isTime(value)
const isVersion = (value: unknown) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0
const isUses = (value: unknown) => isPlainObject(value) && Object.values(value).every(isTime)
const isBoolean = (value: unknown) => typeof value === 'boolean'
const isNameOrNull = (value: unknown) => value === null || nameProblem(value) === undefined
const isNames = (value: unknown) =>
  Array.isArray(value) && value.every((name) => nameProblem(name) === undefined)

const SECRET_RULES: readonly Rule[] = [
  ['id', 'an id', isId],
  ['digest', 'a digest with its algorithm', isDigest],
  ['hint', 'a string of at most four characters', (value) => hintProblem(value) === undefined],
  ['createdAt', 'epoch milliseconds', isReading],
  ['expiresAt', 'epoch milliseconds or null', isTimeOrNull],
]

const ALIAS_RULES: readonly Rule[] = [
  ['id', 'an id', isId],
  ['version', 'a whole number', isVersion],
  ['keyId', 'an id', isId],
]

const DISABLER_RULES: readonly Rule[] = [
  ['actor', 'a name or null', isNameOrNull],
  ['owner', 'a name or null', isNameOrNull],
  ['tenants', 'a list of names or null', (value) => value === null || isNames(value)],
  ['at', 'epoch milliseconds', isReading],
]

const KEY_RULES: readonly Rule[] = [
  ['format', 'the format of this version', (value) => value === RECORD_FORMAT],
  ['id', 'an id', isId],
  ['version', 'a whole number', isVersion],
  ['revision', 'a whole number', isVersion],
  ['kind', "'key' or 'alias'", (value) => value === 'key'],
  ['name', 'a name', (value) => nameProblem(value) === undefined],
  ['owner', 'a name or null', isNameOrNull],
  ['metadata', 'a JSON object', (value) => metadataProblem(value) === undefined],
  ['scope', 'a scope', (value) => scopeProblem(value) === undefined],
  ['tokens', 'true or false', isBoolean],
  [
    'limits',
    'a list of limits or null',
    (value) => value === null || limitsProblem(value) === undefined,
  ],
  [
    'networks',
    'a list of networks or null',
    (value) => value === null || networksProblem(value) === undefined,
  ],
  ['disabledBy', 'an object or null', (value) => value === null || isPlainObject(value)],
  // Who sets it believes that it disables the key.
  ['enabled', 'left out in this format', (value) => value === undefined],
  ['createdAt', 'epoch milliseconds', isReading],
  ['updatedAt', 'epoch milliseconds', isReading],
  ['expiresAt', 'epoch milliseconds or null', isTimeOrNull],
  ['revokedAt', 'epoch milliseconds or null', (value) => value === null || isReading(value)],
  ['primary', 'a stored secret', isPlainObject],
  ['secondary', 'a stored secret or null', (value) => value === null || isPlainObject(value)],
  ['revokedTokens', 'an object of epoch milliseconds by token id', isUses],
  ['lastUsedAt', 'an object of epoch milliseconds by secret id', isUses],
]

// What format 1 did not have. It had `enabled` instead. Its other members are those of today.
const LATER_MEMBERS = ['revision', 'tokens', 'limits', 'networks', 'disabledBy', 'revokedTokens']

// Pure calls, so that a bundle without stores leaves the rules out.
const membersOf = (lists: readonly (readonly Rule[])[]) =>
  lists.flatMap((rules) => rules.map(([member]) => member))
const SECRET_MEMBERS = /* @__PURE__ */ membersOf([SECRET_RULES])
const DISABLER_MEMBERS = /* @__PURE__ */ membersOf([DISABLER_RULES])
const RECORD_MEMBERS = /* @__PURE__ */ membersOf([KEY_RULES, ALIAS_RULES])
const MAX_LIST = 1000

/**
 * Copies a record from a store, without validation, and brings it to the current format. Throws if
 * reading a member throws.
 */
export function copyRecord(value: unknown): unknown {
  const copy = copyMembers(value, RECORD_MEMBERS)
  if (!isPlainObject(copy)) return copy
  copy['limits'] = copyLimits(copy['limits'])
  copy['networks'] = copyList(copy['networks'], MAX_LIST)
  copy['disabledBy'] = copyMembers(copy['disabledBy'], DISABLER_MEMBERS)
  if (isPlainObject(copy['disabledBy']))
    copy['disabledBy']['tenants'] = copyList(copy['disabledBy']['tenants'], MAX_LIST)
  copy['revokedTokens'] = copyMembers(copy['revokedTokens'])
  copy['metadata'] = copyJson(copy['metadata'], MAX_METADATA_DEPTH)
  copy['scope'] = copyScope(copy['scope'])
  copy['primary'] = copyMembers(copy['primary'], SECRET_MEMBERS)
  copy['secondary'] = copyMembers(copy['secondary'], SECRET_MEMBERS)
  copy['lastUsedAt'] = copyMembers(copy['lastUsedAt'])
  return currentRecord(copy)
}

/**
 * Brings a record of an earlier format to the current one. Returns any other value unchanged.
 *
 * Format 1, of the pre-release, had no `format` but `enabled`. Because `enabled` is gone, the pre-release
 * refuses a record of the current format instead of writing it back without its new members.
 */
export function currentRecord(value: unknown): unknown {
  if (!isPlainObject(value) || value['kind'] !== 'key') return value
  const { enabled, format, ...rest } = value
  if (format !== undefined || typeof enabled !== 'boolean') return value
  // With a later member, it is of no format. To overwrite that member could enable the key.
  if (LATER_MEMBERS.some((member) => rest[member] !== undefined)) return value
  const by = { actor: null, owner: null, tenants: null, at: rest['updatedAt'] }
  return {
    ...rest,
    format: RECORD_FORMAT,
    revision: rest['version'],
    tokens: true,
    limits: null,
    networks: null,
    disabledBy: enabled ? null : by,
    revokedTokens: {},
  }
}

/**
 * Why a record from a store is invalid, or undefined. The text names members and types, never a
 * value.
 */
export function recordProblem(value: unknown): string | undefined {
  if (!isPlainObject(value)) return `a record must be a plain object, but is ${typeOf(value)}`
  if (typeof value['format'] === 'number' && value['format'] > RECORD_FORMAT)
    return 'a later version of Twinkey wrote this record. Update this process'
  const problem = firstProblem(value, value['kind'] === 'alias' ? ALIAS_RULES : KEY_RULES, '')
  if (problem !== undefined || value['kind'] === 'alias') return problem
  const { primary, secondary, disabledBy } = value as unknown as KeyRecord
  const inside =
    firstProblem(primary, SECRET_RULES, 'primary.') ??
    (secondary && firstProblem(secondary, SECRET_RULES, 'secondary.')) ??
    (disabledBy && firstProblem(disabledBy, DISABLER_RULES, 'disabledBy.'))
  if (inside) return inside
  return primary.id === secondary?.id || primary.digest === secondary?.digest
    ? 'primary and secondary must not be the same secret'
    : undefined
}

/**
 * Rebuilds a record from its known members, frozen. Check it with {@link recordProblem} first.
 *
 * @param shared A frozen scope that equals the one of the key, to save memory. Default: a copy.
 */
export function readRecord(
  value: KeyRecord | AliasRecord,
  shared?: Scope,
): KeyRecord | AliasRecord {
  if (value.kind === 'alias')
    return Object.freeze({
      kind: 'alias',
      id: value.id,
      version: value.version,
      keyId: value.keyId,
    })
  const { metadata, scope, revokedTokens, lastUsedAt } = value
  // Lists each member, so that an unknown one is not kept.
  return Object.freeze({
    kind: value.kind,
    format: value.format,
    id: value.id,
    version: value.version,
    revision: value.revision,
    name: value.name,
    owner: value.owner,
    metadata: isEmpty(metadata) ? EMPTY : freezeJson<Metadata>(metadata),
    scope: shared ?? freezeScope(scope),
    tokens: value.tokens,
    limits: value.limits && freezeLimits(value.limits),
    networks: value.networks && freezeList(value.networks),
    disabledBy: value.disabledBy && readDisabler(value.disabledBy),
    createdAt: value.createdAt,
    updatedAt: value.updatedAt,
    expiresAt: value.expiresAt,
    revokedAt: value.revokedAt,
    primary: readSecret(value.primary),
    secondary: value.secondary && readSecret(value.secondary),
    revokedTokens: isEmpty(revokedTokens) ? EMPTY : Object.freeze({ ...revokedTokens }),
    lastUsedAt: isEmpty(lastUsedAt) ? EMPTY : Object.freeze({ ...lastUsedAt }),
  })
}

// Shared by all records, because most have no metadata and no last use.
const EMPTY = Object.freeze({})

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}

function readSecret({ id, digest, hint, createdAt, expiresAt }: StoredSecret): StoredSecret {
  return Object.freeze({ id, digest, hint, createdAt, expiresAt })
}

function readDisabler({ actor, owner, tenants, at }: DisabledBy): DisabledBy {
  return Object.freeze({ actor, owner, tenants: tenants && freezeList(tenants), at })
}

function freezeList<T>(list: readonly T[]): readonly T[] {
  return Object.freeze([...list])
}

function firstProblem(value: object, rules: readonly Rule[], path: string): string | undefined {
  for (const [member, form, holds] of rules) {
    const found = (value as Record<string, unknown>)[member]
    if (!holds(found)) return `${path}${member} must be ${form}, but is ${typeOf(found)}`
  }
  return undefined
}

function typeOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `an invalid ${typeof value}`
}
