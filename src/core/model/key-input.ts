import type { KeyState, Metadata } from './api-key.ts'
import {
  isPlainObject,
  MAX_METADATA_DEPTH,
  membersProblem,
  metadataProblem,
  nameProblem,
  secondsProblem,
  timeOf,
  timeProblem,
} from './checks.ts'
import { copyJson, copyMembers } from './copy.ts'
import { readInput, requireInput } from './error.ts'
import { copyScope, SCOPE_MEMBERS, type Scope, type ScopeInput, scopeProblem } from './scope.ts'

/** The option that every management call takes. */
export interface ActorOption {
  /** Who makes the change, for the event: 1 to 128 characters. */
  readonly actor?: string | undefined
}

/** The attributes of a new key. */
export interface CreateKeyInput<M extends Metadata = Metadata> extends ActorOption {
  /** A display name of 1 to 128 characters. Need not be unique. */
  readonly name: string
  /** The user or machine that the key acts for: 1 to 128 characters. Cannot change later. */
  readonly owner?: string | null | undefined
  /**
   * What the key may reach. `tenants` is required. Default `environments`: those of the deployment.
   * Default `workflows`: `'*'`.
   */
  readonly scope: Pick<Scope, 'tenants'> & ScopeInput
  /** When the key expires: epoch milliseconds or a `Date`. Default: null, for never. */
  readonly expiresAt?: number | Date | null | undefined
  /** A plain JSON object of at most 4 KiB and five levels. */
  readonly metadata?: M | undefined
  /** False creates only a primary secret; replace it with `rotate`. Default: true. */
  readonly secondary?: boolean | undefined
}

/** The attributes to change. Omitted attributes keep their values. */
export interface UpdateKeyInput<M extends Metadata = Metadata> extends ActorOption {
  readonly name?: string | undefined
  /** The axes to change. */
  readonly scope?: ScopeInput | undefined
  /** When the key expires: epoch milliseconds or a `Date`. Null for never. */
  readonly expiresAt?: number | Date | null | undefined
  readonly metadata?: M | undefined
}

/** Options of a rotation. */
export interface RotateOptions extends ActorOption {
  /**
   * How long the old primary still works, as the secondary, in seconds: 0 to 7,776,000 (90 days).
   * Default: 86,400 (a day).
   */
  readonly graceSeconds?: number | undefined
  /** `'secondary'` permits ending a secondary secret that is still active. */
  readonly replace?: 'secondary' | undefined
}

/** Filters and paging of a list of keys. */
export interface ListKeysInput {
  /** Keys whose scope lists this tenant. A scope of `'*'` lists none. */
  readonly tenant?: string | undefined
  /** Keys of this owner; null for keys without an owner. */
  readonly owner?: string | null | undefined
  readonly state?: KeyState | undefined
  /** Keys with a secret stored under this pepper; null for plain SHA-256. */
  readonly pepper?: string | null | undefined
  /** 1 to 100. Default: 50. */
  readonly limit?: number | undefined
  /** The `next` value of the previous page. */
  readonly cursor?: string | undefined
}

/** The owner or the tenant whose keys to revoke. */
export type RevokeAllInput = (
  | { readonly owner: string; readonly tenant?: never }
  | { readonly tenant: string; readonly owner?: never }
) &
  ActorOption

const INPUT = 'The input'
const CREATE_MEMBERS = ['name', 'owner', 'scope', 'expiresAt', 'metadata', 'secondary', 'actor']
const LIST_MEMBERS = ['tenant', 'owner', 'state', 'pepper', 'limit', 'cursor']
const DAY_SECONDS = 86_400
const MAX_GRACE_SECONDS = 90 * DAY_SECONDS
/** The maximum number of keys on one page. */
export const MAX_PAGE = 100
const DEFAULT_PAGE = 50
const STATES: readonly unknown[] = ['enabled', 'disabled', 'revoked'] satisfies KeyState[]

/** Checks the attributes of a new key and fills in the defaults. */
export function readCreateInput<M extends Metadata>(
  input: CreateKeyInput<M>,
  defaultScope: Omit<Scope, 'tenants'>,
  now: number,
) {
  const given = copyInput(input, CREATE_MEMBERS)
  const { name, owner = null, metadata = {}, secondary = true, actor } = given
  const expiresAt = timeOf(given.expiresAt ?? null)
  requireInput(
    isPlainObject(given.scope) ? undefined : 'must be an object with at least the tenants',
    'scope',
  )
  const scope = { ...defaultScope, ...axesOf(given.scope) } as Scope
  requireInput(owner === null ? undefined : nameProblem(owner), 'owner')
  requireInput(typeof secondary === 'boolean' ? undefined : 'must be true or false', 'secondary')
  requireAttributes({ name, scope, expiresAt, metadata })
  requireInput(
    expiresAt === null || expiresAt > now ? undefined : 'must be in the future',
    'expiresAt',
  )
  return { name, owner, scope, expiresAt, metadata, secondary, actor }
}

/** Checks an update. `apply` returns the new attributes for the current ones. */
export function readUpdateInput<M extends Metadata>(input: UpdateKeyInput<M>, now: number) {
  const { name, scope, expiresAt, metadata, actor } = copyInput(input, [
    'name',
    'scope',
    'expiresAt',
    'metadata',
    'actor',
  ])
  requireInput(
    scope === undefined || isPlainObject(scope)
      ? undefined
      : 'must be an object with the axes to change',
    'scope',
  )
  const change = withoutUndefined({ name, expiresAt: timeOf(expiresAt), metadata })
  const axes = axesOf(scope ?? {})
  const apply = (before: Attributes): Attributes => {
    const after = { ...before, ...change, scope: { ...before.scope, ...axes } }
    requireAttributes(after)
    const isNew = after.expiresAt !== before.expiresAt && after.expiresAt !== null
    requireInput(
      isNew && Number(after.expiresAt) <= now ? 'must be in the future' : undefined,
      'expiresAt',
    )
    return after
  }
  return { apply, actor }
}

/** Checks the options of a rotation. */
export function readRotateOptions(options: RotateOptions) {
  const {
    graceSeconds = DAY_SECONDS,
    replace,
    actor,
  } = copyInput(options, ['graceSeconds', 'replace', 'actor'])
  requireInput(secondsProblem(graceSeconds, 0, MAX_GRACE_SECONDS), 'graceSeconds')
  requireInput(
    replace === undefined || replace === 'secondary'
      ? undefined
      : "must be 'secondary' or left out",
    'replace',
  )
  return { graceSeconds, replace, actor }
}

/** Checks the query for one page. */
export function readListInput(input: ListKeysInput) {
  const {
    tenant,
    owner,
    state,
    pepper,
    limit = DEFAULT_PAGE,
    cursor,
  } = copyInput(input, LIST_MEMBERS)
  for (const [what, value] of Object.entries({
    tenant,
    owner: owner ?? undefined,
    pepper: pepper ?? undefined,
  }))
    requireInput(value === undefined ? undefined : nameProblem(value), what)
  requireInput(
    state === undefined || STATES.includes(state)
      ? undefined
      : "must be 'enabled', 'disabled' or 'revoked'",
    'state',
  )
  requireInput(
    Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE
      ? undefined
      : `must be a whole number from 1 to ${MAX_PAGE}`,
    'limit',
  )
  requireInput(
    cursor === undefined || typeof cursor === 'string'
      ? undefined
      : 'must be the `next` value of the previous page',
    'cursor',
  )
  return { tenant, owner, state, pepper, limit, cursor }
}

/** Checks the input of `revokeAll`. */
export function readRevokeAllInput(input: RevokeAllInput) {
  const { owner, tenant, actor } = copyInput(input, ['owner', 'tenant', 'actor'])
  requireInput(
    (owner === undefined) === (tenant === undefined) ? 'must be given, but not both' : undefined,
    'owner or tenant',
  )
  requireInput(nameProblem(owner ?? tenant), 'owner or tenant')
  return { owner, tenant, actor }
}

/** Checks options that have only an actor. */
export function readActor(options: ActorOption): ActorOption {
  return copyInput(options, ['actor'])
}

interface Attributes {
  readonly name: string
  readonly scope: Scope
  readonly expiresAt: number | null
  readonly metadata: Metadata
}

function requireAttributes({ name, scope, expiresAt, metadata }: Attributes): void {
  requireInput(nameProblem(name), 'name')
  requireInput(scopeProblem(scope), 'scope')
  requireInput(expiresAt === null ? undefined : timeProblem(expiresAt), 'expiresAt')
  requireInput(metadataProblem(metadata), 'metadata')
}

/** Copies the input of an import. The caller must check the slots and the other attributes. */
export function readImportInput<T extends object>(input: T): T {
  const copy = readInput(() => copyMembers(input, ['primary', ...CREATE_MEMBERS]), INPUT)
  requireInput(isPlainObject(copy) ? undefined : 'must be an object', INPUT)
  return copy as T
}

// Copies an input, including its scope and metadata, and checks its members and its actor.
function copyInput<T extends object>(input: T, known: readonly string[]): T {
  const copy = readInput(() => {
    const members = copyMembers(input, known)
    if (!isPlainObject(members)) return members
    if ('scope' in members) members['scope'] = copyScope(members['scope'])
    if ('metadata' in members)
      members['metadata'] = copyJson(members['metadata'], MAX_METADATA_DEPTH)
    return members
  }, INPUT)
  requireInput(membersProblem(copy, known), INPUT)
  const { actor } = copy as ActorOption
  requireInput(actor === undefined ? undefined : nameProblem(actor), 'actor')
  return copy as T
}

// Rejects a misspelt axis, even if its value is undefined.
function axesOf(scope: ScopeInput) {
  requireInput(membersProblem(scope, SCOPE_MEMBERS), 'scope')
  return withoutUndefined(scope)
}

function withoutUndefined<T extends object>(
  value: T,
): { [name in keyof T]: Exclude<T[name], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [name in keyof T]: Exclude<T[name], undefined>
  }
}
