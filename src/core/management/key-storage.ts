import type { KeyRecord } from '../model/api-key.ts'
import { TwinkeyError } from '../model/error.ts'
import type { ChangeType } from '../model/history.ts'
import type { ActorOption } from '../model/key-input.ts'
import { timeAfter } from '../model/transitions.ts'
import type { Position } from '../store/store.ts'
import { pause } from '../store/timeout.ts'
import { type Authority, actorOf } from './authority.ts'
import { keyLimitReached } from './key-policy.ts'
import { type EntryDetails, entryOf, type KeyringParts } from './keyring-parts.ts'
import { smaller } from './narrowed-policy.ts'
import type { Claim } from './reservations.ts'
import { nameTaken } from './unique-names.ts'
import { rethrowAsUnknown } from './write-errors.ts'

const MAX_ATTEMPTS = 20
const PAGE = 100
// How long the first key waits for surplus keys to be removed: two seconds. Each later position
// waits for 200 ms less, so that not all keys give up if a key behind them is not removed.
const MAX_WAITS = 40
const WAITS_LESS = 4
const MIN_WAITS = 8
const WAIT_MILLISECONDS = 50

/** A key to store, what only it may have, and the answer once it is stored. */
interface NewKey<T> {
  readonly record: KeyRecord
  readonly claims: readonly Claim[]
  readonly answer: T
}

/** How to store a key with an id that is not random. */
interface Fixed<T> {
  readonly details: EntryDetails
  /** The answer if the id is taken. Undefined if the key with the id is gone again. */
  repeated(): Promise<T | undefined>
}

/** Who makes a key, and for whom. */
type Maker = ActorOption & { readonly owner: string | null }

/** How many keys of an owner there may be, and which of them count. Revoked keys do not. */
interface Places {
  readonly owner: string | null
  /** Only keys within these tenants count. Undefined for all. */
  readonly tenants: readonly string[] | undefined
  readonly maxKeys: number
}

// The rule of the keyring counts the keys that the keyring sees. The rule of the deployment counts
// all keys of the owner.
function placesOf({ policy, ...limits }: Authority, owner: string | null): readonly Places[] {
  const tenants = limits.owner === undefined ? limits.tenants : undefined
  const ofOwner = owner === null ? undefined : policy.maxKeysPerOwner
  const rules =
    tenants === undefined
      ? [{ owner, tenants, maxKeys: smaller(policy.maxKeys, ofOwner) }]
      : [
          { owner, tenants, maxKeys: policy.maxKeys },
          { owner, tenants: undefined, maxKeys: ofOwner },
        ]
  return rules.filter((each): each is Places => each.maxKeys !== undefined)
}

/**
 * Stores a new key. Makes another one if its id is taken, so that no key is overwritten, or if other
 * keys with the same claims come in between.
 */
export function createStorage(parts: KeyringParts) {
  const { writes, reservations, emit, authority } = parts
  return async <T, R = never>(
    type: ChangeType,
    options: Maker,
    make: () => NewKey<T>,
    fixed?: Fixed<R>,
  ): Promise<T | R> => {
    // Before the claims, which a refused actor must not leave behind.
    actorOf(authority, options)
    for (const places of placesOf(authority, options.owner)) {
      if ((await oldestKeys(parts, places, places.maxKeys)).length < places.maxKeys) continue
      // The key of the same call, which came first, may have taken the last place.
      const repeated = await fixed?.repeated()
      if (repeated !== undefined) return repeated
      throw keyLimitReached(places.maxKeys)
    }
    let hasClaims = false
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { record, claims, answer } = make()
      hasClaims = claims.length > 0
      // Without claims, the write has started when the caller gets its promise, so `close` waits.
      const claimed = hasClaims ? await reservations.claim(record.id, claims) : []
      if (claimed === 'secret') throw secretTaken()
      if (claimed === 'name') throw nameTaken()
      if (claimed === 'raced') {
        const repeated = await fixed?.repeated()
        if (repeated !== undefined) return repeated
        continue
      }
      const entry = entryOf(parts, type, record, record.createdAt, options, fixed?.details)
      if ((await writes.put(record, undefined, entry)) !== 'stored') {
        const repeated = await fixed?.repeated()
        if (repeated !== undefined) return repeated
        continue
      }
      // The key is stored now. From here on, a store failure leaves the outcome unknown.
      if (await reservations.confirm(claimed).catch(rethrowAsUnknown)) {
        emit?.(entry)
        for (const places of placesOf(authority, options.owner))
          await requireKept(parts, record, options, places).catch(rethrowAsUnknown)
        return answer
      }
      await remove(parts, record, options).catch(rethrowAsUnknown)
    }
    throw hasClaims
      ? new TwinkeyError('version_conflict', 'Other keys with the same secret or name came first.')
      : new TwinkeyError('store_malformed', 'The store says that every id is taken.')
  }
}

// Another key came first. This key gives way.
async function remove(parts: KeyringParts, { id }: KeyRecord, options: ActorOption) {
  const { entry } = await parts.writes.remove(id, {
    check: () => {},
    entry: (key) => entryOf(parts, 'key.deleted', key, timeAfter(key, parts.now()), options),
  })
  return entry
}

function secretTaken(): TwinkeyError {
  return new TwinkeyError('secret_taken', 'One of the secrets is imported already.')
}

// When calls race for the last places, the keys that are first in the list stay. A key behind them
// is removed at once. The others wait for that: no key stays while there are too many. A key that
// is stored late may be in front of keys that already stay, and is then removed after all.
async function requireKept(
  parts: KeyringParts,
  key: KeyRecord,
  options: ActorOption,
  places: Places,
): Promise<void> {
  const { maxKeys } = places
  for (let wait = 0; ; wait++) {
    const keys = await oldestKeys(parts, places, maxKeys + 1)
    if (keys.length <= maxKeys) return
    const place = keys.slice(0, maxKeys).findIndex(({ id }) => id === key.id)
    if (place < 0 || wait >= Math.max(MAX_WAITS - place * WAITS_LESS, MIN_WAITS)) break
    await pause(WAIT_MILLISECONDS)
  }
  const entry = await remove(parts, key, options)
  if (entry !== undefined) parts.emit?.(entry)
  throw keyLimitReached(maxKeys)
}

// The first keys that take a place, up to a limit.
async function oldestKeys(
  { store, now }: KeyringParts,
  { owner, tenants }: Places,
  count: number,
): Promise<readonly KeyRecord[]> {
  const query = { owner, tenants, sort: 'oldest', now: now(), limit: PAGE } as const
  const found: KeyRecord[] = []
  let after: Position | undefined
  do {
    const page = await store.list({ ...query, after })
    found.push(...page.keys.filter(({ revokedAt }) => revokedAt === null))
    after = page.next
  } while (after !== undefined && found.length < count)
  return found.slice(0, count)
}
