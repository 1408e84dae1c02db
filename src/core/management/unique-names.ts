import { isId, type KeyRecord, type Metadata } from '../model/api-key.ts'
import { isTwinkeyError, requireInput, TwinkeyError } from '../model/error.ts'
import type { ChangeOptions } from '../model/key-input.ts'
import type { ApiKey } from '../model/key-view.ts'
import { actorOf, requireGrantable } from './authority.ts'
import { type Basis, checkOf, type KeyringParts } from './keyring-parts.ts'
import { type Claim, nameClaims } from './reservations.ts'
import { conflict, keyNotFound } from './write-errors.ts'

const MAX_ATTEMPTS = 20

/**
 * Runs an update. If names are unique, reserves the new name before the update and gives the old one
 * up after it.
 *
 * @param transition Returns the record after the update, to see its name and tenants.
 * @param update Updates the record whose name was seen.
 * @throws `name_taken` if another key has the name. The key then has its old attributes.
 */
export async function renameKey<M extends Metadata>(
  parts: KeyringParts,
  id: string,
  options: ChangeOptions,
  transition: (key: KeyRecord) => KeyRecord,
  update: (basis: Basis) => Promise<ApiKey<M>>,
): Promise<ApiKey<M>> {
  const { store, reservations, uniqueNames, authority } = parts
  if (uniqueNames === undefined) return update(options)
  requireInput(isId(id) ? undefined : 'must be the id of a key', 'id')
  // Before the claims, which a refused actor must not leave behind.
  actorOf(authority, options)
  let revision: number | undefined
  for (let attempt = 1; ; attempt++) {
    const before = await store.get(id)
    if (before?.kind !== 'key') throw keyNotFound()
    checkOf(parts, options)(before)
    revision ??= before.revision
    if (before.revision !== revision) throw conflict()
    const next = transition(before)
    // Before the claims: a keyring must not learn which names are taken where it grants nothing.
    requireGrantable(authority, next)
    const after = nameClaims(next, uniqueNames)
    const held = nameClaims(before, uniqueNames)
    await claimNames(parts, id, without(after, held))
    try {
      const answer = await update({ ...options, recordVersion: before.version })
      await reservations.drop(id, without(held, after))
      return answer
    } catch (error) {
      // Another change may have taken a claim over. It gave the record another version then.
      const isConflict = isTwinkeyError(error) && error.code === 'version_conflict'
      if (!isConflict || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

/** Reserves names for a key that is about to be written. */
async function claimNames(
  { reservations }: KeyringParts,
  keyId: string,
  claims: readonly Claim[],
): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const claimed = await reservations.claim(keyId, claims)
    if (claimed === 'name') throw nameTaken()
    if (claimed !== 'raced') return
  }
  throw conflict()
}

export function nameTaken(): TwinkeyError {
  return new TwinkeyError('name_taken', 'Another key has this name. Choose another name.')
}

function without(claims: readonly Claim[], others: readonly Claim[]): Claim[] {
  return claims.filter(({ id }) => !others.some((other) => other.id === id))
}
