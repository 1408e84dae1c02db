import type { KeyLimit, Metadata } from './api-key.ts'
import { type Attributes, isRestricted, requireAttributes, storedPolicies } from './attributes.ts'
import {
  isPlainObject,
  MAX_METADATA_DEPTH,
  membersProblem,
  nameProblem,
  secondsProblem,
  timeOf,
} from './checks.ts'
import { copyJson, copyList, copyMembers } from './copy.ts'
import { readInput, requireInput } from './error.ts'
import { copyLimits } from './key-limit.ts'
import { membersOf } from './operations.ts'
import {
  copyScope,
  emptyAxis,
  SCOPE_MEMBERS,
  type Scope,
  type ScopeInput,
  type ScopeValue,
} from './scope.ts'

/** The option that every management call takes. */
export interface ActorOption {
  /** Who makes the change, for the history: 1 to 128 characters. */
  readonly actor?: string | undefined
}

/** The options of a call that changes one key. */
export interface ChangeOptions extends ActorOption {
  /**
   * The `version` of the key on which the change is based. If the key was changed since, the call
   * throws `version_conflict`. Default: any version.
   */
  readonly expectedVersion?: number | undefined
}

/** The attributes of a new key. */
export interface CreateKeyInput<M extends Metadata = Metadata> extends ActorOption {
  /** A display name of 1 to 128 characters. Need not be unique, unless `uniqueNames` is set. */
  readonly name: string
  /** The user or machine that the key acts for: 1 to 128 characters. Cannot change later. */
  readonly owner?: string | null | undefined
  /**
   * What the key may reach. Give `tenants` and `workflows`, each as `'*'` or a list that is not
   * empty. Default `environments`: those of the deployment.
   */
  readonly scope: Pick<Scope, 'tenants' | 'workflows'> & ScopeInput
  /** When the key expires: epoch milliseconds or a `Date`. Default: null, for never. */
  readonly expiresAt?: number | Date | null | undefined
  /** A plain JSON object of at most 4 KiB and five levels. */
  readonly metadata?: M | undefined
  /**
   * Whether the key may be exchanged for tokens. Default: true for a key without limits and
   * networks of its own. Services that have only the JWKS may ignore both: see `createVerifier`.
   */
  readonly tokens?: boolean | undefined
  /**
   * How many requests the key may make: up to 8 limits, each with another window. An empty list
   * means no limit. Default: null, for `policies.limits` of the deployment. Requires a `limiter`.
   */
  readonly limits?: readonly KeyLimit[] | null | undefined
  /**
   * The networks from which the key works: 1 to 64, in CIDR notation, like `192.0.2.0/24` or
   * `2001:db8::/32`. Default: null, for all.
   */
  readonly networks?: readonly string[] | null | undefined
  /** False creates only a primary secret; replace it with `rotate`. Default: true. */
  readonly secondary?: boolean | undefined
}

/** The attributes to change. Omitted attributes keep their values. */
export interface UpdateKeyInput<M extends Metadata = Metadata> extends ChangeOptions {
  readonly name?: string | undefined
  /** The axes to change. No list may be empty: to end a key, disable it. */
  readonly scope?: ScopeInput | undefined
  /** When the key expires: epoch milliseconds or a `Date`. Now ends it at once, null means never. */
  readonly expiresAt?: number | Date | null | undefined
  /** Replaces the whole metadata. */
  readonly metadata?: M | undefined
  /**
   * Whether the key may be exchanged for tokens. Tokens already issued stay valid. A key that gets
   * its first limits or networks can no longer be exchanged, unless this is true in the same update.
   */
  readonly tokens?: boolean | undefined
  /** Replaces all limits. An empty list means no limit, null the limits of the deployment. */
  readonly limits?: readonly KeyLimit[] | null | undefined
  /** Replaces all networks. Null means all. */
  readonly networks?: readonly string[] | null | undefined
}

/** Which secrets to renew. */
export type RenewSlots = 'primary' | 'secondary' | 'both'

/** Options of a renewal. */
export interface RenewOptions<S extends RenewSlots = RenewSlots> extends ChangeOptions {
  /** The slots to give a new secret. Renew the one that is not in use first. */
  readonly slots: S
}

/** Options of a rotation. */
export interface RotateOptions extends ChangeOptions {
  /**
   * How long the old primary still works, as the secondary, in seconds: 0 to 7,776,000 (90 days).
   * Default: 86,400 (a day).
   */
  readonly graceSeconds?: number | undefined
  /** `'secondary'` permits ending a secondary secret that is still active. */
  readonly replace?: 'secondary' | undefined
}

/** The owner or the tenant whose keys to revoke. */
export type RevokeAllInput = (
  | { readonly owner: string; readonly tenant?: never }
  | { readonly tenant: string; readonly owner?: never }
) &
  ActorOption

const INPUT = 'The input'
const DAY_SECONDS = 86_400
const MAX_GRACE_SECONDS = 90 * DAY_SECONDS
const SLOTS: readonly unknown[] = ['primary', 'secondary', 'both'] satisfies RenewSlots[]
const MAX_PAST_MILLISECONDS = 60_000

/** The attributes of a new key that its input leaves out. */
export interface CreateDefaults extends Pick<Attributes, 'expiresAt' | 'limits' | 'networks'> {
  readonly environments: ScopeValue
  readonly secondary: boolean
}

/** Checks the attributes of a new key and fills in the defaults. */
export function readCreateInput<M extends Metadata>(
  input: CreateKeyInput<M>,
  defaults: CreateDefaults,
  now: number,
) {
  const given = copyInput(input, membersOf('create'))
  const { name, owner, metadata = {}, actor } = given
  const { limits = defaults.limits, networks = defaults.networks } = given
  const { tokens = !isRestricted({ limits, networks }) } = given
  const { secondary = defaults.secondary } = given
  const expiresAt = timeOf(given.expiresAt === undefined ? defaults.expiresAt : given.expiresAt)
  requireInput(
    isPlainObject(given.scope) ? undefined : 'must be an object with tenants and workflows',
    'scope',
  )
  const scope = { environments: defaults.environments, ...axesOf(given.scope) } as Scope
  for (const member of ['tenants', 'workflows'] as const)
    requireInput(
      scope[member] === undefined ? "must be given: '*', or a list of names" : undefined,
      `scope.${member}`,
    )
  requireInput(owner == null ? undefined : nameProblem(owner), 'owner')
  requireInput(typeof secondary === 'boolean' ? undefined : 'must be true or false', 'secondary')
  requireAttributes({ name, scope, expiresAt, metadata, tokens, limits, networks })
  requireReach(scope)
  requireInput(
    expiresAt === null || expiresAt > now ? undefined : 'must be in the future',
    'expiresAt',
  )
  const policies = storedPolicies({ limits, networks })
  return { name, owner, scope, expiresAt, metadata, tokens, ...policies, secondary, actor }
}

/** Checks an update. `apply` returns the new attributes for the current ones. */
export function readUpdateInput<M extends Metadata>(input: UpdateKeyInput<M>, now: number) {
  const given = copyInput(input, membersOf('update'))
  const { name, scope, expiresAt, metadata, tokens, limits, networks, actor } = given
  requireInput(
    scope === undefined || isPlainObject(scope)
      ? undefined
      : 'must be an object with the axes to change',
    'scope',
  )
  const attributes = { name, expiresAt: timeOf(expiresAt), metadata, tokens, limits, networks }
  const change = withoutUndefined(attributes)
  const axes = axesOf(scope ?? {})
  const apply = (before: Attributes): Attributes => {
    const changed = { ...before, ...change, scope: { ...before.scope, ...axes } }
    requireAttributes(changed)
    const after = {
      ...changed,
      ...storedPolicies(changed),
      // Some software ignores restrictions in tokens, so a first restriction ends the exchange.
      tokens: tokens ?? (before.tokens && (isRestricted(before) || !isRestricted(changed))),
    }
    if (scope !== undefined) requireReach(after.scope)
    const isNew = after.expiresAt !== before.expiresAt && after.expiresAt !== null
    // A caller that ends a key passes a time that is past when it is checked.
    requireInput(
      isNew && Number(after.expiresAt) < now - MAX_PAST_MILLISECONDS
        ? 'must not be in the past. To end the key, pass the current time'
        : undefined,
      'expiresAt',
    )
    return after
  }
  return { apply, actor, expectedVersion: readVersion(given) }
}

/** Checks the options of a renewal. */
export function readRenewOptions(options: RenewOptions) {
  const given = copyInput(options, membersOf('renew'))
  const { slots, actor } = given
  requireInput(
    SLOTS.includes(slots) ? undefined : "must be 'primary', 'secondary' or 'both'",
    'slots',
  )
  return { slots, actor, expectedVersion: readVersion(given) }
}

/** Checks the options of a rotation. */
export function readRotateOptions(options: RotateOptions) {
  const given = copyInput(options, membersOf('rotate'))
  const { graceSeconds = DAY_SECONDS, replace, actor } = given
  requireInput(secondsProblem(graceSeconds, 0, MAX_GRACE_SECONDS), 'graceSeconds')
  requireInput(
    replace === undefined || replace === 'secondary'
      ? undefined
      : "must be 'secondary' or left out",
    'replace',
  )
  return { graceSeconds, replace, actor, expectedVersion: readVersion(given) }
}

function readVersion({ expectedVersion }: ChangeOptions): number | undefined {
  requireInput(
    expectedVersion === undefined || Number.isSafeInteger(expectedVersion)
      ? undefined
      : 'must be the `version` of a key',
    'expectedVersion',
  )
  return expectedVersion
}

/** Checks the input of `revokeAll`. */
export function readRevokeAllInput(input: RevokeAllInput) {
  const { owner, tenant, actor } = copyInput(input, membersOf('revokeAll'))
  requireInput(
    (owner === undefined) === (tenant === undefined) ? 'must be given, but not both' : undefined,
    'owner or tenant',
  )
  requireInput(nameProblem(owner ?? tenant), 'owner or tenant')
  return { owner, tenant, actor }
}

/** Checks the options of a change that has no others. */
export function readChangeOptions(options: ChangeOptions): ChangeOptions {
  const given = copyInput(options, membersOf('disable'))
  return { actor: given.actor, expectedVersion: readVersion(given) }
}

// An empty list would make a key that works nowhere.
function requireReach(scope: Scope): void {
  const empty = emptyAxis(scope)
  requireInput(
    empty === undefined ? undefined : `reaches no ${empty}. To end a key, disable or revoke it`,
    'scope',
  )
}

/** Copies the input of an import. The caller must check the slots and the other attributes. */
export function readImportInput<T extends object>(input: T): T {
  const copy = readInput(() => copyMembers(input, membersOf('import')), INPUT)
  requireInput(isPlainObject(copy) ? undefined : 'must be an object', INPUT)
  return copy as T
}

/** Copies an input, including its scope and metadata, and checks its members and its actor. */
export function copyInput<T extends object>(input: T, known: readonly string[]): T {
  const copy = readInput(() => {
    const members = copyMembers(input, known)
    if (!isPlainObject(members)) return members
    if ('scope' in members) members['scope'] = copyScope(members['scope'])
    if ('metadata' in members)
      members['metadata'] = copyJson(members['metadata'], MAX_METADATA_DEPTH)
    if ('limits' in members) members['limits'] = copyLimits(members['limits'])
    if ('networks' in members) members['networks'] = copyList(members['networks'], 65)
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
