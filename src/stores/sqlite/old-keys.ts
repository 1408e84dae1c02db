import type { KeyRecord } from '../../core/model/api-key.ts'
import { labelsOf } from '../../core/store/list-query.ts'
import type { StoredKey } from '../../core/store/store.ts'
import { currentRecord } from '../../core/store/stored-key.ts'
import type { Query } from './query.ts'
import { parseText, type sqliteStatements } from './statements.ts'

const BATCH = 100

/** The values of the columns by which triggers index a record. */
export function indexColumns(record: StoredKey): { labels: string; createdAt: number } {
  return {
    labels: JSON.stringify(labelsOf(record)),
    createdAt: record.kind === 'key' ? record.createdAt : 0,
  }
}

/**
 * Adds the keys of the pre-release to the index, whose labels need JavaScript. Other processes may do
 * the same at the same time, or change the keys. May be interrupted at any point and repeated.
 */
export async function indexOldKeys(
  { read, write }: Query,
  sql: ReturnType<typeof sqliteStatements>,
): Promise<void> {
  for (let last: string | undefined = ''; last !== undefined; ) {
    const rows: unknown[][] = await read(undefined, sql.unindexed, last, BATCH)
    if (rows.length > 0) await write(undefined, [sql.index, JSON.stringify(rows.map(columnsOf))])
    last = rows.at(-1)?.[0] as string | undefined
  }
  // Every write since step 2 is in the index, so that none is left now.
  await write(undefined, [sql.indexed])
}

function columnsOf([id, version, text, labels]: readonly unknown[]) {
  return { id, version: Number(version), ...newColumns(text, labels) }
}

function newColumns(text: unknown, labels: unknown) {
  try {
    const columns = indexColumns(currentRecord(parseText(text)) as KeyRecord)
    if (Number.isSafeInteger(columns.createdAt)) return columns
  } catch {
    // Not a record.
  }
  // With the labels that it had, a damaged record is listed where it was, and the core reports it.
  return { labels, createdAt: 0 }
}
