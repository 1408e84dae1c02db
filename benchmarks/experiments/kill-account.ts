import { isDeepStrictEqual } from 'node:util'
import {
  createTwinkey,
  type HistoryEntry,
  isTwinkeyError,
  type KeyStore,
  type Keys,
  type Slot,
} from 'twinkey'
import { entriesOf, historyProblem, type NotedChange } from './history-account.ts'
import type { Intent, Line } from './kill-process.ts'
import { after, readLog, SLOTS, type State } from './kill-states.ts'

// Compares the log of a killed process with the records in the store.

/** The results, as counts. */
export interface Account {
  readonly acknowledged: number
  /** Acknowledged writes that are missing. */
  readonly lost: number
  /** Keys in a state that no write produced, for example half of a change. */
  readonly half: number
  /** Keys that a list misses, or returns wrongly. */
  readonly unlisted: number
  /** Entries of the history. */
  readonly entries: number
  /** Keys whose history is not the sequence of their records, or is listed wrongly. */
  readonly broken: number
  /** Changes in flight, by outcome. */
  readonly done: Counts
  readonly notDone: Counts
}
type Counts = Readonly<Partial<Record<Intent['kind'], number>>>

const STATES = ['active', 'disabled', 'revoked'] as const
const ZERO = { acknowledged: 0, lost: 0, half: 0, unlisted: 0, entries: 0, broken: 0 }
const ATTEMPTS = 20
const PAUSE_MILLISECONDS = 25

/**
 * @param lines The log: the intent before each change, what was sent to the store, and the result.
 * @param name The owner and the tenant of all keys of the process.
 */
export async function accountOf(
  lines: readonly Line[],
  name: string,
  store: KeyStore,
): Promise<Account> {
  // Without a cache, so that every call reads the store.
  const { keys, close } = createTwinkey({ store, cache: { maxAgeSeconds: 0 }, deadlineSeconds: 60 })
  const { histories, noted, flying, acknowledged } = readLog(lines)
  const counts = { ...ZERO, acknowledged, done: {}, notDone: {} }

  for (const [id, history] of histories) {
    const last = history.at(-1) as State
    const next =
      flying !== undefined && 'id' in flying && flying.id === id ? after(last, flying) : undefined
    const found = await settled(async () => {
      if (await holds(last, id, keys, store)) return counts.notDone
      return next !== undefined && (await holds(next, id, keys, store)) ? counts.done : undefined
    })
    if (found !== undefined) {
      if (next !== undefined && flying !== undefined) count(found, flying.kind)
      if (
        last.revoked &&
        next === undefined &&
        (await errorCodeOf(keys.enable(id))) !== 'key_revoked'
      )
        counts.lost++
    } else if (await isEarlier(history, id, keys, store)) counts.lost++
    else counts.half++
  }

  const created = flying?.kind === 'create' ? flying : undefined
  const unlisted = await settled(async () => {
    const owned = await idsOf(keys, { owner: name })
    const strangers = owned.filter((id) => !histories.has(id))
    const [stranger] = strangers
    const isWhole =
      stranger === undefined ||
      (created !== undefined &&
        strangers.length === 1 &&
        (await isAsAsked(keys, stranger, created)))
    const records = await Promise.all([...histories.keys()].map((id) => store.get(id)))
    const stored = records.flatMap((record) => record?.id ?? [])
    const known = [...stored, ...strangers].sort()
    const lists = [
      await idsOf(keys, { tenant: name }),
      (await Promise.all(STATES.map((state) => idsOf(keys, { owner: name, state })))).flat(),
      owned,
    ]
    const wrong = lists.filter((ids) => !isDeepStrictEqual(ids.toSorted(), known)).length
    return isWhole && wrong === 0 ? { stranger } : undefined
  })
  if (unlisted === undefined) counts.unlisted++
  else if (created !== undefined)
    count(unlisted.stranger === undefined ? counts.notDone : counts.done, created.kind)

  const history = await settled(() => historyOf(noted, name, store))
  if (history === undefined) counts.broken++
  else counts.entries += history.length
  await close()
  return counts
}

/** The history of all keys of a process; undefined if it is not the sequence of their records. */
async function historyOf(
  noted: readonly NotedChange[],
  name: string,
  store: KeyStore,
): Promise<readonly HistoryEntry[] | undefined> {
  const all = await entriesOf(store, { owner: name })
  const ofTenant = await entriesOf(store, { tenant: name })
  if (!isDeepStrictEqual(ofTenant, all)) return undefined
  const ids = new Set([...noted, ...all.map(({ keyId: id }) => ({ id }))].map(({ id }) => id))
  for (const id of ids) {
    const ofKey = await entriesOf(store, { keyId: id })
    const isListed = isDeepStrictEqual(
      ofKey,
      all.filter(({ keyId }) => keyId === id),
    )
    if (!isListed || historyProblem(noted, ofKey, await store.get(id)) !== undefined)
      return undefined
  }
  return all
}

/** Adds accounts. */
export function sumOf(accounts: readonly Account[]): Account {
  const total = { ...ZERO, done: {}, notDone: {} }
  for (const { done, notDone, ...counts } of accounts) {
    for (const name of Object.keys(ZERO) as (keyof typeof ZERO)[]) total[name] += counts[name]
    for (const [kind, times] of Object.entries(done))
      count(total.done, kind as Intent['kind'], times)
    for (const [kind, times] of Object.entries(notDone))
      count(total.notDone, kind as Intent['kind'], times)
  }
  return total
}

/** All ids in a list, over all pages. */
export async function idsOf(
  keys: Pick<Keys, 'list'>,
  query: Omit<Parameters<Keys['list']>[0] & object, 'cursor'>,
): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page = await keys.list({ limit: 100, ...query, cursor })
    ids.push(...page.keys.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return ids
}

/** Tells whether a key is in a state, by its record and by the outcome for its secrets. */
async function holds(state: State, id: string, keys: Keys, store: KeyStore): Promise<boolean> {
  const record = await store.get(id)
  if (state.deleted) return record === undefined && (await areGone(state, keys))
  if (
    record?.kind !== 'key' ||
    (record.revokedAt !== null) !== state.revoked ||
    record.disabledBy !== null
  )
    return false
  const others = SLOTS.map((slot) => state[slot]?.id)
  for (const slot of SLOTS) {
    const [standing, stored] = [state[slot], record[slot]]
    if ((standing === null) !== (stored === null)) return false
    if (standing === null || stored === null) continue
    if (standing.id === undefined ? others.includes(stored.id) : standing.id !== stored.id)
      return false
    if ((standing.dies ?? false) !== (stored.expiresAt !== null)) return false
    if (
      standing.secret !== undefined &&
      !(await isWorth(keys, standing.secret, state.revoked ? undefined : { id, slot }))
    )
      return false
  }
  return areGone(state, keys)
}

async function areGone({ gone }: State, keys: Keys): Promise<boolean> {
  for (const secret of gone) {
    if (secret !== undefined && !(await isWorth(keys, secret, undefined))) return false
  }
  return true
}

async function isWorth(
  keys: Keys,
  secret: string,
  worth: { readonly id: string; readonly slot: Slot } | undefined,
): Promise<boolean> {
  const verified = await keys.verify(secret)
  if (!verified.ok) return worth === undefined && verified.refusal.code === 'credential_invalid'
  return verified.key.id === worth?.id && verified.slot === worth.slot
}

async function isEarlier(
  history: readonly State[],
  id: string,
  keys: Keys,
  store: KeyStore,
): Promise<boolean> {
  if ((await store.get(id)) === undefined) return true
  for (const state of history.slice(0, -1)) if (await holds(state, id, keys, store)) return true
  return false
}

async function isAsAsked(
  keys: Keys,
  id: string,
  { name, secondary }: Intent & { kind: 'create' },
): Promise<boolean> {
  const key = await keys.get(id)
  return key?.name === name && (key.secondary !== null) === secondary && key.state === 'active'
}

// A server may still execute statements that a process sent before it was killed. Retries let those
// finish. A partial change remains visible.
async function settled<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    const found = await look()
    if (found !== undefined || attempt === ATTEMPTS) return found
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS))
  }
}

async function errorCodeOf(call: Promise<unknown>): Promise<string | undefined> {
  return call.then(
    () => undefined,
    (error: unknown) => (isTwinkeyError(error) ? error.code : 'another'),
  )
}

function count(
  counts: Partial<Record<Intent['kind'], number>>,
  kind: Intent['kind'],
  times = 1,
): void {
  counts[kind] = (counts[kind] ?? 0) + times
}
