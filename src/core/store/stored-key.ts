import {
  type AliasRecord,
  freezeJson,
  isId,
  type KeyRecord,
  type Metadata,
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
import { copyJson, copyMembers } from '../model/copy.ts'
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

const KEY_RULES: readonly Rule[] = [
  ['id', 'an id', isId],
  ['version', 'a whole number', isVersion],
  ['kind', "'key' or 'alias'", (value) => value === 'key'],
  ['name', 'a name', (value) => nameProblem(value) === undefined],
  ['owner', 'a name or null', (value) => value === null || nameProblem(value) === undefined],
  ['metadata', 'a JSON object', (value) => metadataProblem(value) === undefined],
  ['scope', 'a scope', (value) => scopeProblem(value) === undefined],
  ['enabled', 'true or false', (value) => typeof value === 'boolean'],
  ['createdAt', 'epoch milliseconds', isReading],
  ['updatedAt', 'epoch milliseconds', isReading],
  ['expiresAt', 'epoch milliseconds or null', isTimeOrNull],
  ['revokedAt', 'epoch milliseconds or null', (value) => value === null || isReading(value)],
  ['primary', 'a stored secret', isPlainObject],
  ['secondary', 'a stored secret or null', (value) => value === null || isPlainObject(value)],
  ['lastUsedAt', 'an object of epoch milliseconds by secret id', isUses],
]

// Pure calls, so that a bundle without stores leaves the rules out.
const membersOf = (lists: readonly (readonly Rule[])[]) =>
  lists.flatMap((rules) => rules.map(([member]) => member))
const SECRET_MEMBERS = /* @__PURE__ */ membersOf([SECRET_RULES])
const RECORD_MEMBERS = /* @__PURE__ */ membersOf([KEY_RULES, ALIAS_RULES])

/** Copies a record from a store, without validation. Throws if reading a member throws. */
export function copyRecord(value: unknown): unknown {
  const copy = copyMembers(value, RECORD_MEMBERS)
  if (!isPlainObject(copy)) return copy
  copy['metadata'] = copyJson(copy['metadata'], MAX_METADATA_DEPTH)
  copy['scope'] = copyScope(copy['scope'])
  copy['primary'] = copyMembers(copy['primary'], SECRET_MEMBERS)
  copy['secondary'] = copyMembers(copy['secondary'], SECRET_MEMBERS)
  copy['lastUsedAt'] = copyMembers(copy['lastUsedAt'])
  return copy
}

/**
 * Why a record from a store is invalid, or undefined. The text names members and types, never a
 * value.
 */
export function recordProblem(value: unknown): string | undefined {
  if (!isPlainObject(value)) return `a record must be a plain object, but is ${typeOf(value)}`
  const problem = firstProblem(value, value['kind'] === 'alias' ? ALIAS_RULES : KEY_RULES, '')
  if (problem !== undefined || value['kind'] === 'alias') return problem
  const { primary, secondary } = value as unknown as KeyRecord
  const inSlots =
    firstProblem(primary, SECRET_RULES, 'primary.') ??
    (secondary && firstProblem(secondary, SECRET_RULES, 'secondary.'))
  if (inSlots) return inSlots
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
  const {
    kind,
    id,
    version,
    name,
    owner,
    metadata,
    scope,
    enabled,
    createdAt,
    updatedAt,
    expiresAt,
    revokedAt,
    lastUsedAt,
  } = value
  return Object.freeze({
    kind,
    id,
    version,
    name,
    owner,
    metadata: isEmpty(metadata) ? EMPTY : freezeJson<Metadata>(metadata),
    scope: shared ?? freezeScope(scope),
    enabled,
    createdAt,
    updatedAt,
    expiresAt,
    revokedAt,
    primary: readSecret(value.primary),
    secondary: value.secondary && readSecret(value.secondary),
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
