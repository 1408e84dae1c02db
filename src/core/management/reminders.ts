import { keyEndsAt, type Metadata } from '../model/api-key.ts'
import {
  isPlainObject,
  membersProblem,
  secondsProblem,
  timeOf,
  timeProblem,
} from '../model/checks.ts'
import { copyList, copyMembers } from '../model/copy.ts'
import { readInput, requireInput } from '../model/error.ts'
import type { ApiKey } from '../model/key-view.ts'
import type { Slot } from '../secrets/secret.ts'
import type { Keyring } from './key-management.ts'

/** The time between two runs of a job: what becomes due from `from` on, and before `to`. */
export interface ReminderPeriod {
  /** The `to` of the last run, in epoch milliseconds or as a `Date`. */
  readonly from: number | Date
  /** The time of this run. Store it as the `from` of the next run. */
  readonly to: number | Date
}

/** Which ends are reported. */
export interface ExpiringInput extends ReminderPeriod {
  /**
   * How long before an end it is reported, in seconds: 1 to 10 numbers. 0 reports what has ended.
   */
  readonly secondsBefore: readonly number[]
  /**
   * Whether secrets that end before their key are reported, like the old secret of a rotation. To
   * find them, every key is read. Default: `'keys and secrets'`.
   */
  readonly of?: 'keys' | 'keys and secrets' | undefined
}

/** A key or a secret that ends. */
export interface Expiring<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  /** The slot of a secret that ends before its key. Null if the key ends. */
  readonly slot: Slot | null
  /** Epoch milliseconds. */
  readonly endsAt: number
  /** The entry of `secondsBefore` that is due. */
  readonly secondsBefore: number
}

/** Which unused keys are reported. */
export interface UnusedInput extends ReminderPeriod {
  /** After how long without use a key is reported, in seconds. */
  readonly afterSeconds: number
}

/** A key that was not used for long. */
export interface Unused<M extends Metadata = Metadata> {
  readonly key: ApiKey<M>
  /** When it was last used, created, or given a new secret: epoch milliseconds. */
  readonly unusedSince: number
}

const MAX_SECONDS = 10 * 365 * 86_400
const MAX_THRESHOLDS = 10

/**
 * Finds the keys and secrets whose end is near, for a job that reminds their owners. If the `from` of
 * each run is the `to` of the run before, every end is reported once for each entry of
 * `secondsBefore`, however often the job runs and wherever.
 *
 * Skips disabled and revoked keys. A reminder whose time had passed when the end was set is not
 * reported: a key created for an hour has no reminder of a day.
 *
 * @param keys `twinkey.keys`, or a limited keyring.
 * @param input The period and the thresholds.
 * @returns What is due, in the order in which the keys are listed. It may already have ended if the
 *   job runs rarely.
 * @throws {@link TwinkeyError} `invalid_input`. Reading on throws the errors of `keys.all`: then run
 *   again with the same `from`.
 * @example
 * ```ts
 * import { createTwinkey, expiring } from 'twinkey'
 *
 * const { keys } = createTwinkey()
 * const to = Date.now()
 * const from = to - 86_400_000 // the `to` of the last run
 * for await (const { key, endsAt } of expiring(keys, { from, to, secondsBefore: [7 * 86_400] }))
 *   console.log(`${key.name} ends at ${new Date(endsAt).toISOString()}`)
 * ```
 */
export function expiring<M extends Metadata = Metadata>(
  keys: Pick<Keyring<M>, 'all'>,
  input: ExpiringInput,
): AsyncGenerator<Expiring<M>, void, undefined> {
  const copy = readMembers<ExpiringInput>(input, ['from', 'to', 'secondsBefore', 'of'])
  const period = readPeriod(copy)
  const thresholds = copyList(copy.secondsBefore, MAX_THRESHOLDS + 1) as readonly number[]
  const isList = Array.isArray(thresholds) && thresholds.length > 0
  requireInput(
    isList && thresholds.length <= MAX_THRESHOLDS
      ? undefined
      : `must be a list of 1 to ${MAX_THRESHOLDS} numbers of seconds`,
    'secondsBefore',
  )
  for (const each of thresholds) requireInput(secondsProblem(each, 0, MAX_SECONDS), 'secondsBefore')
  const { of = 'keys and secrets' } = copy
  requireInput(
    of === 'keys' || of === 'keys and secrets' ? undefined : "must be 'keys' or 'keys and secrets'",
    'of',
  )
  return findExpiring(keys, period, [...new Set(thresholds)], of)
}

async function* findExpiring<M extends Metadata>(
  keys: Pick<Keyring<M>, 'all'>,
  { from, to }: Period,
  thresholds: readonly number[],
  of: NonNullable<ExpiringInput['of']>,
): AsyncGenerator<Expiring<M>, void, undefined> {
  // Only keys that end as a whole are found by their end.
  const query = of === 'keys' ? { expiresBefore: to + Math.max(...thresholds) * 1000 } : {}
  for await (const key of keys.all(query)) {
    if (key.state === 'disabled' || key.state === 'revoked') continue
    for (const { slot, endsAt } of endsOf(key, of))
      for (const secondsBefore of thresholds) {
        const dueAt = endsAt - secondsBefore * 1000
        if (from <= dueAt && dueAt < to) yield { key, slot, endsAt, secondsBefore }
      }
  }
}

function endsOf(key: ApiKey, of: ExpiringInput['of']): Pick<Expiring, 'slot' | 'endsAt'>[] {
  const keyEnd = keyEndsAt(key)
  const ends: Pick<Expiring, 'slot' | 'endsAt'>[] = []
  for (const slot of of === 'keys' ? [] : (['primary', 'secondary'] as const)) {
    const endsAt = key[slot]?.expiresAt ?? null
    if (endsAt !== null && (keyEnd === null || endsAt < keyEnd)) ends.push({ slot, endsAt })
  }
  return keyEnd === null ? ends : [...ends, { slot: null, endsAt: keyEnd }]
}

/**
 * Finds the keys that nobody used for long, for a job that asks their owners. If the `from` of each
 * run is the `to` of the run before, a key is reported once, and again only after it was used.
 *
 * Skips keys that are not active. A new secret counts as a use. Last uses may lag by about a minute.
 *
 * @param keys `twinkey.keys`, or a limited keyring.
 * @param input The period, and after how long a key is reported.
 * @throws {@link TwinkeyError} `invalid_input`. Reading on throws the errors of `keys.all`: then run
 *   again with the same `from`.
 * @example
 * ```ts
 * import { createTwinkey, unused } from 'twinkey'
 *
 * const { keys } = createTwinkey()
 * const to = Date.now()
 * const from = to - 86_400_000 // the `to` of the last run
 * for await (const { key } of unused(keys, { from, to, afterSeconds: 90 * 86_400 }))
 *   console.log(`${key.name} was not used for 90 days`)
 * ```
 */
export function unused<M extends Metadata = Metadata>(
  keys: Pick<Keyring<M>, 'all'>,
  input: UnusedInput,
): AsyncGenerator<Unused<M>, void, undefined> {
  const copy = readMembers<UnusedInput>(input, ['from', 'to', 'afterSeconds'])
  const period = readPeriod(copy)
  const { afterSeconds } = copy
  requireInput(secondsProblem(afterSeconds, 60, MAX_SECONDS), 'afterSeconds')
  return findUnused(keys, period, afterSeconds * 1000)
}

async function* findUnused<M extends Metadata>(
  keys: Pick<Keyring<M>, 'all'>,
  { from, to }: Period,
  after: number,
): AsyncGenerator<Unused<M>, void, undefined> {
  // Near 1970 no key is unused for that long.
  if (to <= after) return
  for await (const key of keys.all({ state: 'active', unusedSince: to - after })) {
    const { createdAt, lastUsedAt, primary, secondary } = key
    const unusedSince = Math.max(
      lastUsedAt ?? createdAt,
      primary.createdAt,
      secondary?.createdAt ?? 0,
    )
    const dueAt = unusedSince + after
    if (from <= dueAt && dueAt < to) yield { key, unusedSince }
  }
}

/** A period in epoch milliseconds. */
interface Period {
  readonly from: number
  readonly to: number
}

function readMembers<T>(input: T, known: readonly string[]): T {
  const copy = readInput(() => copyMembers(input, known), 'The input')
  requireInput(isPlainObject(copy) ? membersProblem(copy, known) : 'must be an object', 'The input')
  return copy as T
}

function readPeriod(given: ReminderPeriod): Period {
  const [from, to] = [timeOf(given.from), timeOf(given.to)]
  for (const [name, time] of Object.entries({ from, to }))
    requireInput(timeProblem(time) && 'must be a valid Date or epoch milliseconds', name)
  requireInput(from <= to ? undefined : 'must not be after `to`', 'from')
  return { from, to }
}
