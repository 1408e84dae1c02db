import type { Json, KeyRecord, StoredSecret } from '../model/api-key.ts'
import { requireInput } from '../model/error.ts'
import type { Emit } from '../model/events.ts'
import type { ChangeType, HistoryEntry } from '../model/history.ts'
import type { ActorOption, ChangeOptions } from '../model/key-input.ts'
import type { Limiter } from '../model/limiter.ts'
import type { ScopeValue } from '../model/scope.ts'
import { digestSecret } from '../secrets/digest.ts'
import { hintOf, mintId, mintSecret } from '../secrets/secret.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import { type Authority, actorOf, isVisible } from './authority.ts'
import type { DeploymentPolicies } from './deployment-policies.ts'
import type { ImportRules } from './key-import.ts'
import type { KeyChange, KeyWrites } from './key-writes.ts'
import type { Reservations, UniqueNames } from './reservations.ts'
import { conflict, keyNotFound } from './write-errors.ts'

/** What a keyring needs. */
export interface KeyringParts {
  readonly store: CheckedStore
  readonly writes: KeyWrites
  readonly reservations: Reservations
  readonly uniqueNames: UniqueNames | undefined
  /** New secrets use the first prefix and the current pepper. */
  readonly rules: ImportRules
  /** Counts requests. Without it, no key can have limits. */
  readonly limiter: Limiter | undefined
  /** Rules for all keys. The policy of the authority is narrowed by them already. */
  readonly policies: DeploymentPolicies
  readonly deadlineMilliseconds: number
  /** The environments of keys that are created without them. */
  readonly environments: ScopeValue
  readonly emit: Emit | undefined
  readonly now: () => number
  /** What the keyring may see, do and grant. */
  readonly authority: Authority
}

/** The part of an entry that the type of the change decides. */
export type EntryDetails = Pick<HistoryEntry, 'slots' | 'changes' | 'requestDigest'>

/** Makes the entry of a change, to write with it. */
export function entryOf(
  { authority }: KeyringParts,
  type: ChangeType,
  key: KeyRecord,
  at: number,
  options: ActorOption,
  details: EntryDetails = {},
): HistoryEntry {
  return {
    id: mintId(),
    type,
    at,
    keyId: key.id,
    version: key.version,
    name: key.name,
    owner: key.owner,
    tenants: key.scope.tenants,
    actor: actorOf(authority, options),
    ...details,
    ...(authority.source && { source: authority.source }),
  }
}

// What an update changes.
const ATTRIBUTES = [
  'name',
  'scope',
  'tokens',
  'limits',
  'networks',
  'expiresAt',
  'metadata',
] as const
type Attributes = Pick<KeyRecord, (typeof ATTRIBUTES)[number]>

/** The attributes that an update changed, each with its values before and after. */
export function differences(before: Attributes, after: Attributes) {
  const changed = ATTRIBUTES.filter(
    (member) => JSON.stringify(before[member]) !== JSON.stringify(after[member]),
  )
  return Object.fromEntries(
    changed.map((member) => [member, [before[member], after[member]] as unknown as [Json, Json]]),
  )
}

/** @throws `invalid_input` if a key would have limits that nothing counts. */
export function requireLimiter(
  { limiter }: Pick<KeyringParts, 'limiter'>,
  limits: KeyRecord['limits'],
): void {
  const isCounted = limiter !== undefined || limits === null || limits.length === 0
  requireInput(isCounted ? undefined : 'need the option limiter of createTwinkey', 'limits')
}

/** On what a change is based. */
export interface Basis extends ChangeOptions {
  /** The version of the record, which changes with every write. Default: any. */
  readonly recordVersion?: number | undefined
}

/** Returns the check of each record that an operation changes. */
export function checkOf(
  { authority }: KeyringParts,
  { expectedVersion, recordVersion }: Omit<Basis, 'actor'>,
): KeyChange['check'] {
  return (key) => {
    if (!isVisible(authority, key)) throw keyNotFound()
    if (recordVersion !== undefined && key.version !== recordVersion) throw conflict()
    if (expectedVersion !== undefined && key.revision !== expectedVersion) throw conflict()
  }
}

/** Generates a secret for a key, with the record to store for it. */
export function newSecret(
  keyId: string,
  { rules, now }: KeyringParts,
): { secret: string; stored: StoredSecret } {
  const secret = mintSecret(rules.prefixes[0] as string, keyId)
  const stored = {
    id: mintId(),
    digest: digestSecret(secret, rules.pepper),
    hint: hintOf(secret),
    createdAt: now(),
    expiresAt: null,
  }
  return { secret, stored }
}
