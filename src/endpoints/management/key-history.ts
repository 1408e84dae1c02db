import type { HistoryPage, Keyring } from '../../core/management/key-management.ts'
import { keyNotFound } from '../../core/management/write-errors.ts'
import type { HistoryInput } from '../../core/model/query-input.ts'

/**
 * Reads the history of one key, which may be deleted.
 *
 * @throws `key_not_found` if the caller sees neither the key nor an entry of it, so that a key of
 *   another caller looks like one that does not exist.
 */
export async function readKeyHistory(
  keyring: Keyring,
  keyId: string,
  input: HistoryInput,
): Promise<HistoryPage> {
  let page = await keyring.history({ ...input, keyId })
  if (page.entries.length > 0 || input.cursor !== undefined) return page
  if ((await keyring.get(keyId)) !== undefined) return page
  const { limit } = input
  while (page.entries.length === 0 && page.nextCursor !== undefined)
    page = await keyring.history({ limit, keyId, cursor: page.nextCursor })
  if (page.entries.length === 0) throw keyNotFound()
  return page
}
