import type { KeyRecord } from '../../core/model/api-key.ts'
import type { HistoryEntry } from '../../core/model/history.ts'
import { historyLabelsOf } from '../../core/store/history-query.ts'
import { labelsOf } from '../../core/store/list-query.ts'
import type { KeyStore, SecretUse, StoredKey } from '../../core/store/store.ts'
import { currentRecord } from '../../core/store/stored-key.ts'
import { type Run, textOf } from './client.ts'
import { isDuplicate } from './errors.ts'
import type { Place, Statements } from './statements.ts'
import type { Transactions } from './transactions.ts'

const MAX_USES_OF_KEY = 64
const USES_BATCH = 500

/** Creates the calls that write. Each is one transaction that begins with the lock of its key. */
export function createWrites(
  { write }: Transactions,
  sql: Statements,
): Pick<KeyStore, 'put' | 'delete' | 'forgetHistory' | 'recordUse'> {
  const enter = async (run: Run, entry: HistoryEntry | undefined) => {
    if (entry === undefined) return
    const places = historyLabelsOf(entry).map((label) => ({ label, at: entry.at }))
    await run(sql.enter(entry.id, JSON.stringify(entry)))
    await run(sql.addPlaces('entry', entry.id, places))
  }
  /** Locks a key. Returns undefined if it has the expected version. */
  const mismatch = async (run: Run, id: string, expectedVersion: number) => {
    const [row] = (await run(sql.lock(id))) as unknown[][]
    if (row === undefined) return 'missing'
    return Number(row[0]) === expectedVersion ? undefined : 'conflict'
  }
  const replaceIndex = async (run: Run, next: StoredKey) => {
    const rows = (await run(sql.places(next.id))) as unknown[][]
    const isPlace = ([label]: readonly unknown[]) => label !== null
    const count = Number(rows.find((row) => !isPlace(row))?.[1])
    const old = rows
      .filter(isPlace)
      .map(([label, at]) => ({ label: textOf(label), at: Number(at) }))
    const wanted = placesOf(next)
    const stale = without(old, wanted)
    const added = without(wanted, old)
    if (stale.length > 0) await run(sql.removePlaces(next.id, stale))
    if (added.length > 0) await run(sql.addPlaces('key', next.id, added))
    // A key that has had very many secrets forgets the uses of those that it no longer has.
    if (count > MAX_USES_OF_KEY && next.kind === 'key')
      await run(sql.removeUses(next.id, secretIdsOf(next)))
  }
  const create = async (run: Run, next: StoredKey): Promise<'stored' | 'conflict'> => {
    try {
      await run(sql.create(next.id, next.version, textOfRecord(next)))
    } catch (error) {
      if (isDuplicate(error)) return 'conflict'
      throw error
    }
    const places = placesOf(next)
    if (places.length > 0) await run(sql.addPlaces('key', next.id, places))
    return 'stored'
  }

  return {
    put: (next, expectedVersion, entry, signal) =>
      write(signal, async (run) => {
        if (expectedVersion === undefined) {
          if ((await create(run, next)) === 'conflict') return 'conflict'
        } else {
          const refused = await mismatch(run, next.id, expectedVersion)
          if (refused !== undefined) return refused
          await run(sql.update(next.id, next.version, textOfRecord(next)))
          await replaceIndex(run, next)
        }
        await enter(run, entry)
        return 'stored'
      }),
    delete: (id, expectedVersion, entry, signal) =>
      write(signal, async (run) => {
        const refused = await mismatch(run, id, expectedVersion)
        if (refused !== undefined) return refused
        await run(sql.delete(id))
        await enter(run, entry)
        return 'deleted'
      }),
    forgetHistory: (before, signal) =>
      write(signal, async (run) => {
        const ids = ((await run(sql.oldest(before))) as unknown[][]).map(([id]) => textOf(id))
        if (ids.length > 0) await run(sql.forget(ids))
        return ids.length
      }),
    async recordUse(uses, signal) {
      const latest = latestOf(uses)
      for (let from = 0; from < latest.length; from += USES_BATCH) {
        const batch = latest.slice(from, from + USES_BATCH)
        await write(signal, (run) => run(sql.recordUse(batch)))
      }
    },
  }
}

function textOfRecord(next: StoredKey): string {
  const { lastUsedAt: _joined, ...record } = next as KeyRecord
  return JSON.stringify(record)
}

function placesOf(next: StoredKey): Place[] {
  const at = next.kind === 'key' ? next.createdAt : 0
  return labelsOf(currentRecord(next) as StoredKey).map((label) => ({ label, at }))
}

function without(places: readonly Place[], others: readonly Place[]): Place[] {
  return places.filter(
    ({ label, at }) => !others.some((other) => other.label === label && other.at === at),
  )
}

function secretIdsOf({ primary, secondary }: KeyRecord): string[] {
  return [primary, ...(secondary === null ? [] : [secondary])].map(({ id }) => id)
}

/** The latest use of each secret. */
function latestOf(uses: readonly SecretUse[]): SecretUse[] {
  const latest = new Map<string, SecretUse>()
  for (const use of uses) {
    const secret = JSON.stringify([use.keyId, use.secretId])
    if ((latest.get(secret)?.usedAt ?? -1) < use.usedAt) latest.set(secret, use)
  }
  // Batches in one order cannot wait for each other.
  return [...latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, use]) => use)
}
