import type { Metadata } from '../model/api-key.ts'
import { nameProblem, timeOf } from '../model/checks.ts'
import { readInput, requireInput, TwinkeyError } from '../model/error.ts'
import type { HistoryEntry } from '../model/history.ts'
import type { CreateKeyInput } from '../model/key-input.ts'
import { derivedId, digestOf } from '../secrets/digest.ts'
import type { Position } from '../store/store.ts'
import { isVisible, shownKey } from './authority.ts'
import type { RepeatedKey } from './key-management.ts'
import type { KeyringParts } from './keyring-parts.ts'

const KEY = /^[\x20-\x7e]{1,255}$/
const PAGE = 100

/** The id of the key that a call with an idempotency key creates. Nobody else gets the same one. */
export function idempotentId(
  actor: string | null,
  owner: string | null,
  idempotencyKey: string,
): string {
  requireInput(
    typeof idempotencyKey === 'string' && KEY.test(idempotencyKey)
      ? undefined
      : 'must have 1 to 255 printable ASCII characters',
    'The idempotency key',
  )
  requireInput(owner === null ? undefined : nameProblem(owner), 'owner')
  return derivedId(JSON.stringify(['create', actor, owner, idempotencyKey]))
}

/** The digest of an input. The order of its members makes no difference. */
export function inputDigest({ actor: _, ...input }: CreateKeyInput): string {
  const written = readInput(
    () => JSON.stringify(inOrder({ ...input, expiresAt: timeOf(input.expiresAt) })),
    'The input',
  )
  return digestOf(written)
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(members.map(([name, member]) => [name, inOrder(member)]))
}

/** There is no key yet. A new one must be created at this time or later. */
interface NoRepetition {
  readonly notBefore: number
}

/**
 * Reads the key that an earlier call with the same idempotency key created.
 *
 * @throws `idempotency_conflict` if the earlier call had another input.
 */
export async function readRepetition<M extends Metadata>(
  parts: KeyringParts,
  id: string,
  requestDigest: string,
): Promise<RepeatedKey<M> | NoRepetition> {
  const { store, authority, now } = parts
  const record = await store.get(id)
  if (record === undefined) return { notBefore: await timeAfterEntries(parts, id) }
  if (record.kind !== 'key' || !isVisible(authority, record)) throw idempotencyConflict()
  const creation = await creationOf(parts, id)
  // The entry is gone if the history was shortened.
  if (creation !== undefined && creation.requestDigest !== requestDigest)
    throw idempotencyConflict()
  return { key: shownKey<M>(authority, record, now()), primary: null, secondary: null }
}

// The last one: an earlier key with the same id may have been deleted.
async function creationOf({ store }: KeyringParts, id: string): Promise<HistoryEntry | undefined> {
  let after: Position | undefined
  do {
    const page = await store.history({ keyId: id, sort: 'newest', limit: PAGE, after })
    const found = page.entries.find(({ type }) => type === 'key.created')
    if (found !== undefined) return found
    after = page.next
  } while (after !== undefined)
  return undefined
}

// A key with the same id may have been deleted. The entries of one id are in order, even if the clock
// is not.
async function timeAfterEntries({ store }: KeyringParts, id: string): Promise<number> {
  const { entries } = await store.history({ keyId: id, sort: 'newest', limit: 1 })
  const [last] = entries
  return last === undefined ? 0 : last.at + 1
}

function idempotencyConflict(): TwinkeyError {
  return new TwinkeyError(
    'idempotency_conflict',
    'A key was created with this idempotency key and another input. Use a new idempotency key.',
  )
}
