import type { KeyState, Metadata } from './api-key.ts'
import {
  isPlainObject,
  MAX_METADATA_DEPTH,
  membersProblem,
  metadataProblem,
  nameProblem,
  secondsProblem,
  timeProblem,
} from './checks.ts'
import { copyJson, copyMembers } from './copy.ts'
import { readInput, requireInput } from './error.ts'
import { copyScope, SCOPE_MEMBERS, type Scope, type ScopeInput, scopeProblem } from './scope.ts'

/** What every management call may be told: who did it. */
export interface ActorOption {
  /** Who does this, for the event: 1 to 128 characters. */
  readonly actor?: string | undefined
}

/** What a new key is to be. */
export interface CreateKeyInput<M extends Metadata = Metadata> extends ActorOption {
  /** 1 to 128 characters. For people; names need not differ. */
  readonly name: string
  /** The user or machine that the key acts for: 1 to 128 characters. It cannot be changed later. */
  readonly owner?: string | null | undefined
  /**
   * What the key may reach. Environments default to those that the deployment serves, workflows to
   * `'*'`; tenants must be given.
   */
  readonly scope: Pick<Scope, 'tenants'> & ScopeInput
  /** When the key dies, in epoch milliseconds; null or left out for never. */
  readonly expiresAt?: number | null | undefined
  /** A plain JSON object of at most 4 KiB and depth 5. */
  readonly metadata?: M | undefined
  /** False for a key with a primary secret only, which is rotated with `rotate` and a grace. */
  readonly secondary?: boolean | undefined
}

/** What to change of a key. What is left out stays. */
export interface UpdateKeyInput<M extends Metadata = Metadata> extends ActorOption {
  readonly name?: string | undefined
  /** The axes to change. */
  readonly scope?: ScopeInput | undefined
  readonly expiresAt?: number | null | undefined
  readonly metadata?: M | undefined
}

/** How to rotate. */
export interface RotateOptions extends ActorOption {
  /**
   * Seconds for which the old primary still works, as the secondary: 0 to 7,776,000 (90 days),
   * 86,400 (a day) unless given.
   */
  readonly graceSeconds?: number | undefined
  /** `'secondary'` to end a secondary that is still live. */
  readonly replace?: 'secondary' | undefined
}

/** Which keys to list. */
export interface ListKeysInput {
  /** Keys whose scope names this tenant; a key for `'*'` names none. */
  readonly tenant?: string | undefined
  /** Keys of this owner, or with null, of none. */
  readonly owner?: string | null | undefined
  readonly state?: KeyState | undefined
  /** Keys that still have a secret stored under this pepper, or with null, under none. */
  readonly pepper?: string | null | undefined
  /** 1 to 100; 50 unless given. */
  readonly limit?: number | undefined
  /** The `next` of the page before. */
  readonly cursor?: string | undefined
}

/** Whose keys to revoke. */
export type RevokeAllInput = (
  | { readonly owner: string; readonly tenant?: never }
  | { readonly tenant: string; readonly owner?: never }
) &
  ActorOption

const GIVEN = 'What was given'
const CREATE_MEMBERS = ['name', 'owner', 'scope', 'expiresAt', 'metadata', 'secondary', 'actor']
const LIST_MEMBERS = ['tenant', 'owner', 'state', 'pepper', 'limit', 'cursor']
const DAY_SECONDS = 86_400
const MAX_GRACE_SECONDS = 90 * DAY_SECONDS
/** Most keys on one page. */
export const MAX_PAGE = 100
const DEFAULT_PAGE = 50
const STATES: readonly unknown[] = ['enabled', 'disabled', 'revoked'] satisfies KeyState[]

/** The attributes of a new key, checked, with what is left out filled in. */
export function readCreateInput<M extends Metadata>(
  input: CreateKeyInput<M>,
  defaultScope: Omit<Scope, 'tenants'>,
  now: number,
) {
  const given = copyInput(input, CREATE_MEMBERS)
  const { name, owner = null, expiresAt = null, metadata = {}, secondary = true, actor } = given
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

/** Checks an update. `apply` makes the new attributes of a key from those that it has. */
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
  const change = withoutUndefined({ name, expiresAt, metadata })
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

/** Grace and permission of a rotation, checked. */
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

/** A query for one page, checked. */
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
      : 'must be the `next` of the page before',
    'cursor',
  )
  return { tenant, owner, state, pepper, limit, cursor }
}

/** Whose keys to end, checked. */
export function readRevokeAllInput(input: RevokeAllInput) {
  const { owner, tenant, actor } = copyInput(input, ['owner', 'tenant', 'actor'])
  requireInput(
    (owner === undefined) === (tenant === undefined) ? 'must be given, one of the two' : undefined,
    'owner or tenant',
  )
  requireInput(nameProblem(owner ?? tenant), 'owner or tenant')
  return { owner, tenant, actor }
}

/** Nothing but an actor, checked. */
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

/**
 * Copies the input of an import. The caller checks its slots as imported secrets, and the rest as
 * the attributes of a new key.
 */
export function readImportInput<T extends object>(input: T): T {
  const copy = readInput(() => copyMembers(input, ['primary', ...CREATE_MEMBERS]), GIVEN)
  requireInput(isPlainObject(copy) ? undefined : 'must be an object', GIVEN)
  return copy as T
}

// Copies an input, with the names in its scope and the values in its metadata, and checks its
// members.
function copyInput<T extends object>(input: T, known: readonly string[]): T {
  const copy = readInput(() => {
    const members = copyMembers(input, known)
    if (!isPlainObject(members)) return members
    if ('scope' in members) members['scope'] = copyScope(members['scope'])
    if ('metadata' in members)
      members['metadata'] = copyJson(members['metadata'], MAX_METADATA_DEPTH)
    return members
  }, GIVEN)
  requireInput(membersProblem(copy, known), GIVEN)
  const { actor } = copy as ActorOption
  requireInput(actor === undefined ? undefined : nameProblem(actor), 'actor')
  return copy as T
}

// Refuses a misspelt axis, even if it is undefined.
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
