import type { KeyRecord } from '../../core/model/api-key.ts'
import { matchesQuery } from '../../core/store/list-query.ts'
import type { ListQuery, StoredKey } from '../../core/store/store.ts'

/**
 * Parses the alternating field names and values of a stored hash. Returns a text that is not JSON
 * unchanged: the core reports it as malformed.
 */
export function parseRecord(fields: readonly string[]): StoredKey | undefined {
  if (fields.length === 0) return undefined
  let text = ''
  const uses: [string, number][] = []
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = fields.slice(i, i + 2) as [string, string]
    if (name === 'record') text = value
    if (name.startsWith('use:')) uses.push([name.slice(4), Number(value)])
  }
  try {
    const record = JSON.parse(text)
    return record?.kind === 'key' ? { ...record, lastUsedAt: Object.fromEntries(uses) } : record
  } catch {
    return text as unknown as StoredKey
  }
}

/**
 * Tells whether a query matches a record. Malformed records always match, so that the core reports
 * them.
 */
export function isListed(record: StoredKey, query: ListQuery): record is KeyRecord {
  try {
    return typeof record !== 'object' || (record.kind !== 'alias' && matchesQuery(record, query))
  } catch {
    return true
  }
}
