import { type AliasRecord, isId, type KeyRecord, type Metadata } from '../model/api-key.ts'
import { requireInput, TwinkeyError } from '../model/error.ts'
import type { ChangeOptions } from '../model/key-input.ts'
import type { ApiKey } from '../model/key-view.ts'
import { updated } from '../model/transitions.ts'
import { requireGrantable } from './authority.ts'
import { notFound, rethrowAsUnknown } from './key-writes.ts'
import {
  ATTRIBUTES,
  checkOf,
  differences,
  entryOf,
  hasSame,
  type KeyringParts,
} from './keyring-parts.ts'
import { type Claim, nameClaims } from './reservations.ts'

const MAX_ATTEMPTS = 20

/**
 * Runs an update. If names are unique, reserves the new name before the update and gives the old one
 * up after it.
 *
 * @param transition Returns the record after the update, to see its name and tenants.
 * @param update Updates the key. Called with the version whose name was seen.
 * @throws `name_taken` if another key has the name. The key then has its old attributes.
 */
export async function renameKey<M extends Metadata>(
  parts: KeyringParts,
  id: string,
  options: ChangeOptions,
  transition: (key: KeyRecord) => KeyRecord,
  update: (options: ChangeOptions) => Promise<ApiKey<M>>,
): Promise<ApiKey<M>> {
  const { store, reservations, uniqueNames, authority } = parts
  if (uniqueNames === undefined) return update(options)
  requireInput(isId(id) ? undefined : 'must be the id of a key', 'id')
  const before = await store.get(id)
  if (before?.kind !== 'key') throw notFound()
  checkOf(parts, options)(before)
  const next = transition(before)
  // Before the claims: whether a name is taken where the keyring grants nothing is not its business.
  requireGrantable(authority, next)
  const after = nameClaims(next, uniqueNames)
  const held = nameClaims(before, uniqueNames)
  const claimed = await claimNames(parts, id, without(after, held))
  const answer = await update({ ...options, expectedVersion: before.revision })
  // The key has its new name now. From here on, a store failure leaves the outcome unknown.
  if (!(await reservations.confirm(claimed).catch(rethrowAsUnknown))) {
    await undo(parts, before, answer, options).catch(rethrowAsUnknown)
    throw nameTaken()
  }
  await reservations.drop(id, without(held, after))
  return answer
}

// Another key took the name over before the update was written. The update gives way. Attributes that
// another change has set meanwhile stay. A revoked key gives its name up anyway.
async function undo(
  parts: KeyringParts,
  before: KeyRecord,
  written: ApiKey,
  options: ChangeOptions,
): Promise<void> {
  const { writes, emit, now } = parts
  const { entry } = await writes.updateWithRetry(before.id, {
    check: () => {},
    transition(key) {
      if (key.revokedAt !== null) return key
      const ours = ATTRIBUTES.filter((member) => hasSame(key, written, member))
      const restored = Object.fromEntries(ours.map((member) => [member, before[member]]))
      return updated(key, { ...key, ...restored }, now())
    },
    entry: (after, key) =>
      entryOf(parts, 'key.updated', after, after.updatedAt, options, {
        changes: differences(key, after),
      }),
  })
  if (entry !== undefined) emit?.(entry)
}

/** Reserves names for a key that is about to be written. */
export async function claimNames(
  { reservations }: KeyringParts,
  keyId: string,
  claims: readonly Claim[],
): Promise<readonly AliasRecord[]> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const claimed = await reservations.claim(keyId, claims)
    if (typeof claimed !== 'string') return claimed
    if (claimed !== 'raced') break
  }
  throw nameTaken()
}

export function nameTaken(): TwinkeyError {
  return new TwinkeyError('name_taken', 'Another key has this name. Choose another name.')
}

function without(claims: readonly Claim[], others: readonly Claim[]): Claim[] {
  return claims.filter(({ id }) => !others.some((other) => other.id === id))
}
