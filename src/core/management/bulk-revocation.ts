import { withoutOwner, withoutTenant } from '../model/api-key.ts'
import { isTwinkeyError } from '../model/error.ts'
import { MAX_PAGE, type RevokeAllInput, readRevokeAllInput } from '../model/key-input.ts'
import { emitChange, type KeyringParts } from './keyring-parts.ts'

/** Revokes the keys of an owner or tenant. A key with further tenants only loses the tenant. */
export async function revokeAll(
  parts: KeyringParts,
  input: RevokeAllInput,
): Promise<{ revoked: number; narrowed: number }> {
  const checked = readRevokeAllInput(input)
  const { owner, tenant } = checked
  const counts = { revoked: 0, narrowed: 0 }
  let cursor: string | undefined
  do {
    const page = await parts.store.list({ owner, tenant, limit: MAX_PAGE, cursor })
    for (const { id } of page.keys) {
      const done = await revokeOne(parts, id, checked)
      if (done !== undefined) counts[done]++
    }
    cursor = page.next
  } while (cursor !== undefined)
  return counts
}

// Decides on the current record, because the key may have changed since it was listed.
async function revokeOne(
  parts: KeyringParts,
  id: string,
  { owner, tenant, actor }: ReturnType<typeof readRevokeAllInput>,
): Promise<'revoked' | 'narrowed' | undefined> {
  const { writes, now } = parts
  let changes = false
  try {
    const next = await writes.updateWithRetry(id, (key) => {
      const after =
        tenant === undefined ? withoutOwner(key, owner, now()) : withoutTenant(key, tenant, now())
      changes ||= after !== key
      return after
    })
    if (!changes) return undefined
    emitChange(parts, next.revokedAt === null ? 'key.updated' : 'key.revoked', next, { actor })
    return next.revokedAt === null ? 'narrowed' : 'revoked'
  } catch (error) {
    if (isTwinkeyError(error) && error.code === 'key_not_found') return undefined
    throw error
  }
}
