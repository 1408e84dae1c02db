import type { Json, KeyRecord } from '../model/api-key.ts'
import { isTwinkeyError } from '../model/error.ts'
import { type RevokeAllInput, readRevokeAllInput } from '../model/key-input.ts'
import { MAX_PAGE } from '../model/query-input.ts'
import { withoutOwner, withoutTenant } from '../model/transitions.ts'
import type { Position } from '../store/store.ts'
import { actorOf, ownerFilter, requireRight } from './authority.ts'
import { checkOf, entryOf, type KeyringParts } from './keyring-parts.ts'

/** Revokes the keys of an owner or tenant. A key with further tenants only loses the tenant. */
export async function revokeAll(
  parts: KeyringParts,
  input: RevokeAllInput,
): Promise<{ revoked: number; narrowed: number }> {
  const { authority, store, now } = parts
  requireRight(authority, 'revokeAll')
  const checked = readRevokeAllInput(input)
  // Before the first key, so that a wrong actor does not depend on which keys there are.
  actorOf(authority, checked)
  const { tenant } = checked
  const seen = ownerFilter(authority, checked.owner)
  const counts = { revoked: 0, narrowed: 0 }
  if (seen === undefined) return counts
  let after: Position | undefined
  do {
    const filter = { ...seen, tenant, tenants: authority.tenants, now: now() }
    // The oldest first, so that keys that are created meanwhile are still to come.
    const page = await store.list({ ...filter, sort: 'oldest', limit: MAX_PAGE, after })
    for (const { id } of page.keys) {
      const done = await revokeOne(parts, id, checked)
      if (done !== undefined) counts[done]++
    }
    after = page.next
  } while (after !== undefined)
  return counts
}

// Decides on the current record, because the key may have changed since it was listed.
async function revokeOne(
  parts: KeyringParts,
  id: string,
  { owner, tenant, actor }: ReturnType<typeof readRevokeAllInput>,
): Promise<'revoked' | 'narrowed' | undefined> {
  const { writes, emit, now } = parts
  try {
    const { key, entry } = await writes.updateWithRetry(id, {
      check: checkOf(parts, {}),
      transition: (before) =>
        tenant === undefined
          ? withoutOwner(before, owner as string, now())
          : withoutTenant(before, tenant, now()),
      entry(after, before) {
        const isRevoked = after.revokedAt !== null
        const type = isRevoked ? 'key.revoked' : 'key.updated'
        const details = isRevoked ? {} : { changes: { scope: scopesOf(before, after) } }
        return entryOf(parts, type, after, after.updatedAt, { actor }, details)
      },
    })
    if (entry === undefined) return undefined
    emit?.(entry)
    return key.revokedAt === null ? 'narrowed' : 'revoked'
  } catch (error) {
    if (isTwinkeyError(error) && error.code === 'key_not_found') return undefined
    throw error
  }
}

function scopesOf(before: KeyRecord, after: KeyRecord): [before: Json, after: Json] {
  return [before.scope, after.scope] as unknown as [Json, Json]
}
