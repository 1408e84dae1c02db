import type { KeyRecord } from '../../core/model/api-key.ts'
import type { HistoryEntry } from '../../core/model/history.ts'
import { leadingHistoryLabel } from '../../core/store/history-query.ts'
import { isListed, leadingLabel } from '../../core/store/list-query.ts'
import { fillPage, type Scan } from '../../core/store/paging.ts'
import type { KeyStore, Position, StoredKey } from '../../core/store/store.ts'
import type { Names } from './names.ts'
import type { OldIndex } from './old-index.ts'
import { isInHistory, keyIdOf, parse, parseRecord } from './record.ts'
import type { RunScript } from './script.ts'
import { COMMAND } from './scripts.ts'
import type { Member, TimeIndex } from './time-index.ts'

/** Reads records and entries, one or a page of them. */
export function createPages(
  run: RunScript,
  names: Names,
  { keys, entries, old }: { keys: TimeIndex; entries: TimeIndex; old: OldIndex },
): Pick<KeyStore, 'get' | 'list' | 'history'> {
  const get = async (id: string, signal?: AbortSignal) =>
    parseRecord((await run(COMMAND, names.record(id), ['HGETALL'], signal)) as string[])

  /** A member of the index may be older than the record, which may be another one with this id. */
  async function getAt({ at, id }: Member, signal?: AbortSignal): Promise<StoredKey | undefined> {
    const record = await get(id, signal)
    const createdAt = (record as KeyRecord | null | undefined)?.createdAt
    return typeof createdAt === 'number' && createdAt !== at ? undefined : record
  }

  return {
    get,
    async list({ sort, ...query }, signal) {
      const range = { label: leadingLabel(query), sort }
      const read = async (after: Position | undefined, count: number) => {
        const members = await keys.read({ ...range, after, count }, signal)
        return toScan(members, count, async (places) =>
          Promise.all(places.map((place) => getAt(place, signal) as Promise<KeyRecord>)),
        )
      }
      const { values, next } = await old.whenMoved(
        () => fillPage(query, read, (key) => isListed(key, query)),
        signal,
      )
      return { keys: values, next }
    },
    async history(query, signal) {
      const range = { label: leadingHistoryLabel(query), sort: query.sort }
      const { values, next } = await fillPage<HistoryEntry>(
        query,
        async (after, count) => {
          const members = await entries.read({ ...range, after, count }, signal)
          return toScan(members, count, async (places) => {
            const texts = await readEntries(run, names, places, signal)
            return texts.map((text) =>
              text === undefined ? undefined : (parse(text) as HistoryEntry),
            )
          })
        },
        (entry) => isInHistory(entry, query),
      )
      return { entries: values, next }
    },
  }
}

/** Reads the texts of entries, by one command for each key. */
export async function readEntries(
  run: RunScript,
  names: Names,
  members: readonly Member[],
  signal: AbortSignal | undefined,
): Promise<(string | undefined)[]> {
  const texts = new Map<Member, string>()
  await Promise.all(
    [...groupBy(members, keyIdOf)].map(async ([keyId, ofKey]) => {
      const args = ['HMGET', ...ofKey.map(({ id }) => id)]
      const found = (await run(COMMAND, names.history(keyId), args, signal)) as (string | null)[]
      for (const [i, member] of ofKey.entries())
        if (typeof found[i] === 'string') texts.set(member, found[i])
    }),
  )
  return members.map((member) => texts.get(member))
}

export function groupBy<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const value of values) {
    const group = groups.get(keyOf(value)) ?? []
    groups.set(keyOf(value), group)
    group.push(value)
  }
  return groups
}

/** Several writes may have a member at one place, which leads to one value. */
async function toScan<T>(
  members: readonly Member[],
  count: number,
  valuesOf: (places: readonly Member[]) => Promise<readonly (T | undefined)[]>,
): Promise<Scan<T>> {
  const places = members.filter(
    ({ at, id }, i) => members[i - 1]?.at !== at || members[i - 1]?.id !== id,
  )
  const values = await valuesOf(places)
  return {
    found: places.map(({ at, id }, i) => ({ at: { at, id }, value: values[i] })),
    isEnd: members.length < count,
  }
}
