import { type AliasRecord, isId, type KeyRecord, type Metadata } from '../model/api-key.ts'
import { TwinkeyError } from '../model/error.ts'
import type { ChangeOptions } from '../model/key-input.ts'
import type { ApiKey } from '../model/key-view.ts'
import { updated } from '../model/transitions.ts'
import { notFound } from './key-writes.ts'
import { checkOf, entryOf, type KeyringParts } from './keyring-parts.ts'
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
  const { store, reservations, uniqueNames } = parts
  if (uniqueNames === undefined) return update(options)
  const before = isId(id) ? await store.get(id) : undefined
  if (before?.kind !== 'key') throw notFound()
  checkOf(parts, options)(before)
  const after = nameClaims(transition(before), uniqueNames)
  const held = nameClaims(before, uniqueNames)
  const claimed = await claimNames(parts, id, without(after, held))
  const answer = await update({ ...options, expectedVersion: before.revision })
  if (!(await reservations.confirm(claimed))) {
    await undo(parts, before, answer.version, options)
    throw nameTaken()
  }
  await reservations.drop(id, without(held, after))
  return answer
}

// Another key took the name over before the update was written. The update gives way.
async function undo(
  parts: KeyringParts,
  before: KeyRecord,
  revision: number,
  options: ChangeOptions,
): Promise<void> {
  const { writes, emit, now } = parts
  const { entry } = await writes.updateWithRetry(before.id, {
    check: () => {},
    transition: (key) => (key.revision === revision ? updated(key, before, now()) : key),
    entry: (after) => entryOf(parts, 'key.updated', after, after.updatedAt, options),
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
