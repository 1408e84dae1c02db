import { isId } from '../model/api-key.ts'
import { isPlainObject, MAX_METADATA_DEPTH, nameProblem, timeProblem } from '../model/checks.ts'
import { copyJson } from '../model/copy.ts'
import type { HistoryEntry } from '../model/history.ts'
import { scopeValueProblem } from '../model/scope.ts'

// The entry, `changes`, the pair of values before and after, and the metadata in it.
const MAX_DEPTH = 3 + MAX_METADATA_DEPTH

/** Copies an entry from a store. Returns the copy, or what is wrong with it. */
export function readEntry(value: unknown): HistoryEntry | string {
  const entry = copyJson(value, MAX_DEPTH)
  if (!isPlainObject(entry)) return 'an entry must be a plain object'
  const isName = (each: unknown) => each === null || nameProblem(each) === undefined
  const isTime = entry['at'] === 0 || timeProblem(entry['at']) === undefined
  if (!isId(entry['id']) || !isId(entry['keyId'])) return 'an entry must have ids'
  if (!isTime || typeof entry['version'] !== 'number') return 'an entry must have at and version'
  if (typeof entry['type'] !== 'string' || nameProblem(entry['name']) !== undefined)
    return 'an entry must have a type and a name'
  if (!isName(entry['owner']) || !isName(entry['actor']) || scopeValueProblem(entry['tenants']))
    return 'an entry must have owner, actor and tenants'
  return Object.freeze(entry) as unknown as HistoryEntry
}
