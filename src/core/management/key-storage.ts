import type { KeyRecord } from '../model/api-key.ts'
import { TwinkeyError } from '../model/error.ts'
import type { ChangeType } from '../model/history.ts'
import type { ActorOption } from '../model/key-input.ts'
import { timeAfter } from '../model/transitions.ts'
import type { Position } from '../store/store.ts'
import { actorOf } from './authority.ts'
import { keyLimitReached } from './key-policy.ts'
import { rethrowAsUnknown } from './key-writes.ts'
import { type EntryDetails, entryOf, type KeyringParts } from './keyring-parts.ts'
import type { Claim } from './reservations.ts'
import { nameTaken } from './unique-names.ts'

const MAX_ATTEMPTS = 20
const PAGE = 100

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
    if (authority.policy.maxKeys !== undefined) await requireRoom(parts, options.owner)
    let hasClaims = false
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { record, claims, answer } = make()
      hasClaims = claims.length > 0
      // Without claims, the write is under way when the caller gets its promise, so `close` waits.
      const claimed = hasClaims ? await reservations.claim(record.id, claims) : []
      if (claimed === 'secret') throw secretTaken()
      if (claimed === 'name') throw nameTaken()
      if (claimed === 'raced') continue
      const entry = entryOf(parts, type, record, record.createdAt, options, fixed?.details)
      if ((await writes.put(record, undefined, entry)) !== 'stored') {
        const repeated = await fixed?.repeated()
        if (repeated !== undefined) return repeated
        continue
      }
      // The key is stored now. From here on, a store failure leaves the outcome unknown.
      if (await reservations.confirm(claimed).catch(rethrowAsUnknown)) {
        emit?.(entry)
        await requireKept(parts, record, options).catch(rethrowAsUnknown)
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

/** @throws `key_limit_reached` if the owner has as many keys as the policy allows. */
async function requireRoom(parts: KeyringParts, owner: string | null): Promise<void> {
  const { maxKeys } = parts.authority.policy
  if (maxKeys !== undefined && (await hasMoreKeys(parts, owner, maxKeys - 1)))
    throw keyLimitReached(maxKeys)
}

// Of calls that race for the last place, each gives way that sees more keys than allowed. So all of
// them may, but there are never too many keys.
async function requireKept(parts: KeyringParts, key: KeyRecord, options: Maker): Promise<void> {
  const { maxKeys } = parts.authority.policy
  if (maxKeys === undefined || !(await hasMoreKeys(parts, options.owner, maxKeys))) return
  const entry = await remove(parts, key, options)
  if (entry !== undefined) parts.emit?.(entry)
  throw keyLimitReached(maxKeys)
}

// Whether an owner has more keys that are not revoked than a number.
async function hasMoreKeys(
  { store, authority, now }: KeyringParts,
  owner: string | null,
  count: number,
): Promise<boolean> {
  const tenants = authority.owner === undefined ? authority.tenants : undefined
  const query = { owner, tenants, sort: 'newest', now: now(), limit: PAGE } as const
  let found = 0
  let after: Position | undefined
  do {
    const page = await store.list({ ...query, after })
    found += page.keys.filter(({ revokedAt }) => revokedAt === null).length
    if (found > count) return true
    after = page.next
  } while (after !== undefined)
  return false
}
