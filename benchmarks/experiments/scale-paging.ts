import type { KeyRecord, Position } from 'twinkey/store'
import { copyOf } from './scale-copy.ts'
import type { Crowd } from './scale-crowd.ts'

const OWNER = 'paged'
const PAGE = 7

/** The counts of reading all pages while keys are created and deleted. */
export interface Paging {
  readonly pages: number
  readonly created: number
  readonly deleted: number
  /** Keys that exist all the time and are on no page. */
  skipped: number
  /** Keys that are on two pages. */
  repeated: number
}

/**
 * Reads the pages of an owner in both orders while keys of this owner are created and deleted.
 *
 * @param standingKeys How many keys stay. As many others may be deleted.
 */
export async function pageWhileChanging(crowd: Crowd, standingKeys: number): Promise<Paging> {
  const { store, original, ids } = crowd
  const create = async (): Promise<KeyRecord> => {
    const { record } = copyOf(original, Math.floor(Math.random() * ids.length))
    const key = { ...record, owner: OWNER }
    await store.put(key, undefined, undefined)
    return key
  }
  const counts = { pages: 0, created: 0, deleted: 0, skipped: 0, repeated: 0 }
  for (const sort of ['newest', 'oldest'] as const) {
    const standing: KeyRecord[] = []
    const doomed: KeyRecord[] = []
    for (let i = 0; i < standingKeys; i++) {
      standing.push(await create())
      doomed.push(await create())
    }
    const seen: string[] = []
    let after: Position | undefined
    do {
      const end = doomed.splice(Math.floor(Math.random() * doomed.length), 1)
      const changes = Promise.all([
        ...end.map(({ id, version }) => store.delete(id, version, undefined)),
        create(),
        create(),
      ])
      const query = { owner: OWNER, now: Date.now(), sort, limit: PAGE, after }
      const { keys, next } = await store.list(query)
      await changes
      seen.push(...keys.map(({ id }) => id))
      after = next
      counts.pages++
      counts.created += 2
      counts.deleted += end.length
    } while (after !== undefined)
    const once = new Set(seen)
    counts.repeated += seen.length - once.size
    counts.skipped += standing.filter(({ id }) => !once.has(id)).length
  }
  return counts
}
