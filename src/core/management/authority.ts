import type { KeyRecord, Metadata } from '../model/api-key.ts'
import { isPlainObject, membersProblem, nameProblem } from '../model/checks.ts'
import { copyList, copyMembers } from '../model/copy.ts'
import { readInput, requireInput, TwinkeyError } from '../model/error.ts'
import type { ChangeSource, HistoryEntry } from '../model/history.ts'
import type { ActorOption } from '../model/key-input.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import { OPERATIONS, type OperationName, RIGHTS, type Right } from '../model/operations.ts'
import {
  copyScope,
  freezeScope,
  narrow,
  type Scope,
  scopeProblem,
  scopeValueProblem,
} from '../model/scope.ts'
import { type DisablerLimits, mayEnable } from '../model/transitions.ts'
import { isWithinTenants } from '../store/list-query.ts'
import { copyPolicy, type KeyPolicy, readPolicy } from './key-policy.ts'
import type { NarrowedPolicy } from './narrowed-policy.ts'

/**
 * To what a keyring is limited. It sees no other key and grants nothing else. A limit that is left
 * out does not apply. A limit of `undefined` is an error, so that a missing value lifts none.
 */
export interface KeyringLimits {
  /** Who uses the keyring, for the history: 1 to 128 characters. */
  readonly actor: string
  /** The keyring sees only keys of this owner, and creates keys of this owner. */
  readonly owner?: string
  /**
   * The keyring sees only keys all of whose tenants are in this list of 1 to 64 names. It does not
   * see a key of all tenants.
   */
  readonly tenants?: readonly string[]
  /**
   * What the keys may reach that it creates, updates, rotates, renews or enables. A keyring with
   * `owner` or `tenants` but without this can do none of that.
   */
  readonly grantable?: Scope
  /** What the keyring may do. Default: everything. */
  readonly can?: readonly Right[]
  /** Rules for the keys that it creates and changes. Default: none. */
  readonly policy?: KeyPolicy
  /** Where its changes come from, for the history. Longer texts are cut at 256 characters. */
  readonly source?: ChangeSource | undefined
}

/** What a keyring may see, do and grant. */
export interface Authority {
  readonly actor: string | undefined
  readonly owner: string | undefined
  readonly tenants: readonly string[] | undefined
  readonly grantable: Scope
  readonly can: readonly Right[]
  readonly policy: NarrowedPolicy
  readonly source: ChangeSource | undefined
}

const EVERYTHING: Scope = /* @__PURE__ */ freezeScope({
  tenants: '*',
  environments: '*',
  workflows: '*',
})
const NOTHING: Scope = /* @__PURE__ */ freezeScope({ tenants: [], environments: [], workflows: [] })

/** The authority of the application itself. */
export const UNLIMITED: Authority = {
  actor: undefined,
  owner: undefined,
  tenants: undefined,
  grantable: EVERYTHING,
  can: RIGHTS,
  policy: {},
  source: undefined,
}

const LIMITS = ['actor', 'owner', 'tenants', 'grantable', 'can', 'policy', 'source']
const SOURCE = ['requestId', 'address', 'userAgent']
const MAX_SOURCE_LENGTH = 256

/** Checks and copies the limits of a keyring. */
export function readLimits(input: KeyringLimits): Authority {
  const copy = readInput(() => copyLimits(input), 'The limits')
  requireInput(membersProblem(copy, LIMITS), 'The limits')
  const {
    actor,
    owner,
    tenants,
    grantable,
    can = RIGHTS,
    policy = {},
    source,
  } = copy as KeyringLimits
  for (const limit of ['owner', 'tenants', 'grantable', 'can', 'policy'])
    requireInput(
      isMissing(copy as object, limit)
        ? 'must not be undefined. Leave it out if it does not limit the keyring'
        : undefined,
      limit,
    )
  requireInput(nameProblem(actor), 'actor')
  requireInput(owner === undefined ? undefined : nameProblem(owner), 'owner')
  const listed = tenants === undefined || (Array.isArray(tenants) && tenants.length > 0)
  requireInput(listed ? undefined : 'must be a list of at least one name', 'tenants')
  requireInput(tenants === undefined ? undefined : scopeValueProblem(tenants), 'tenants')
  requireInput(grantable === undefined ? undefined : scopeProblem(grantable), 'grantable')
  const isRights = Array.isArray(can) && can.every((right) => RIGHTS.includes(right))
  requireInput(isRights ? undefined : `must be a list of ${RIGHTS.join(', ')}`, 'can')
  const checked = readPolicy(policy)
  requireInput(source === undefined ? undefined : sourceProblem(source), 'source')
  return Object.freeze({
    actor,
    owner,
    tenants,
    grantable: grantable
      ? freezeScope(grantable)
      : isLimited({ owner, tenants })
        ? NOTHING
        : EVERYTHING,
    can,
    policy: checked,
    source: source && cleanSource(source),
  })
}

function isMissing(limits: { readonly [limit in string]?: unknown }, limit: string): boolean {
  return limit in limits && limits[limit] === undefined
}

function copyLimits(input: KeyringLimits): unknown {
  const copy = copyMembers(input, LIMITS)
  if (!isPlainObject(copy)) return copy
  for (const list of ['tenants', 'can']) if (list in copy) copy[list] = copyList(copy[list], 100)
  if ('grantable' in copy) copy['grantable'] = copyScope(copy['grantable'])
  if ('policy' in copy) copy['policy'] = copyPolicy(copy['policy'])
  if ('source' in copy) copy['source'] = copyMembers(copy['source'], SOURCE)
  return copy
}

function sourceProblem(source: unknown): string | undefined {
  const problem = membersProblem(source, SOURCE)
  if (problem !== undefined) return problem
  const isText = (text: unknown) => text === undefined || typeof text === 'string'
  return Object.values(source as object).every(isText) ? undefined : 'must have texts'
}

// Clients choose these texts, so they are cut and cleaned instead of refused.
function cleanSource(source: ChangeSource): ChangeSource {
  const texts = Object.entries(source as Record<string, string | undefined>).map(([name, text]) => [
    name,
    text?.slice(0, MAX_SOURCE_LENGTH).replace(/[\p{Cc}\p{Cs}]/gu, ' '),
  ])
  return Object.freeze(Object.fromEntries(texts))
}

/** The actor of a change. A keyring with an actor accepts no other. */
export function actorOf(authority: Authority, { actor }: ActorOption): string | null {
  requireInput(
    actor === undefined || authority.actor === undefined || actor === authority.actor
      ? undefined
      : 'must be left out, because the keyring names it',
    'actor',
  )
  return authority.actor ?? actor ?? null
}

/** @throws `not_permitted` if the keyring has no right to an operation. */
export function requireRight({ can }: Authority, operation: OperationName): void {
  const { right } = OPERATIONS[operation]
  if (!can.includes(right))
    throw new TwinkeyError('not_permitted', `This keyring has no right to ${right} keys.`)
}

/** Whether there are keys that the keyring does not see. */
export function isLimited({ owner, tenants }: Pick<Authority, 'owner' | 'tenants'>): boolean {
  return owner !== undefined || tenants !== undefined
}

/** Whether the keyring sees a key. An invisible key must look like one that does not exist. */
export function isVisible({ owner, tenants }: Authority, key: Pick<KeyRecord, 'owner' | 'scope'>) {
  if (owner !== undefined && key.owner !== owner) return false
  return tenants === undefined || isWithinTenants(key.scope.tenants, tenants)
}

/**
 * The filter by owner for what the keyring sees. Undefined if it sees no key of the requested owner,
 * whether there is one or not.
 */
export function ownerFilter<T extends string | null | undefined>(
  { owner }: Authority,
  requested: T,
): { readonly owner: T | string } | undefined {
  const isSeen = owner === undefined || requested === undefined || requested === owner
  return isSeen ? { owner: owner ?? requested } : undefined
}

/**
 * The entry as a limited keyring sees it: without the `source` of others' changes, and without `changes` if they name tenants by which the keyring did
 * not see the key before.
 */
export function shownEntry(authority: Authority, given: HistoryEntry): HistoryEntry {
  const { tenants, actor } = authority
  const entry = isLimited(authority) && given.actor !== actor ? withoutSource(given) : given
  const [before] = (entry.changes?.['scope'] ?? []) as readonly unknown[]
  if (tenants === undefined || before === undefined) return entry
  if (scopeProblem(before) === undefined && isWithinTenants((before as Scope).tenants, tenants))
    return entry
  const { changes: _, ...shown } = entry
  return shown
}

function withoutSource({ source: _, ...entry }: HistoryEntry): HistoryEntry {
  return Object.freeze(entry)
}

/**
 * The key as the keyring sees it. A limited keyring does not learn to which other tenants the keyring
 * was limited that disabled the key.
 */
export function shownKey<M extends Metadata>(
  authority: Authority,
  key: KeyRecord,
  now: number,
): ApiKey<M> {
  const { disabledBy, scope } = key
  if (!isLimited(authority) || !disabledBy?.tenants) return viewOf(key, now)
  // None for a key of all tenants: no tenant is called '*'.
  const shown = disabledBy.tenants.filter((tenant) => scope.tenants.includes(tenant))
  return viewOf({ ...key, disabledBy: Object.freeze({ ...disabledBy, tenants: shown }) }, now)
}

/** @throws `not_grantable` if the keyring may not grant what a key reaches. */
export function requireGrantable(authority: Authority, key: Pick<KeyRecord, 'owner' | 'scope'>) {
  const beyond = narrow(authority.grantable, key.scope)
  if (typeof beyond === 'string') throw notGrantable(`this ${beyond} scope`)
  if (!isVisible(authority, key)) throw notGrantable('a key of this owner or these tenants')
}

/** @throws `not_grantable` if the key was disabled by somebody with more authority. */
export function requireMayEnable(authority: Authority, { disabledBy }: KeyRecord): void {
  if (disabledBy !== null && !mayEnable(disablerOf(authority), disabledBy))
    throw notGrantable('a key that somebody else disabled')
}

/** The limits to record with a key that the keyring disables. */
export function disablerOf({ owner, tenants }: Authority): DisablerLimits {
  return { owner: owner ?? null, tenants: tenants ?? null }
}

function notGrantable(what: string): TwinkeyError {
  return new TwinkeyError('not_grantable', `This keyring may not grant ${what}.`)
}
