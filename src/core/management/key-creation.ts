import type { KeyRecord, Metadata } from '../model/api-key.ts'
import { requireInput, TwinkeyError } from '../model/error.ts'
import type { ChangeType } from '../model/history.ts'
import { type ActorOption, readCreateInput, readImportInput } from '../model/key-input.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import { created, timeAfter } from '../model/transitions.ts'
import { mintId } from '../secrets/secret.ts'
import { actorOf, requireGrantable, requireRight } from './authority.ts'
import { type ImportKeyInput, readImported } from './key-import.ts'
import type { CreatedKey, Keyring } from './key-management.ts'
import { rethrowAsUnknown } from './key-writes.ts'
import { entryOf, type KeyringParts, newSecret } from './keyring-parts.ts'
import { type Claim, nameClaims, secretClaims } from './reservations.ts'
import { nameTaken } from './unique-names.ts'

const MAX_ATTEMPTS = 20

/** The methods of a keyring that make keys. */
export function createKeyCreation<M extends Metadata>(
  parts: KeyringParts,
): Pick<Keyring<M>, 'create' | 'import'> {
  const { authority, rules, environments, uniqueNames, now } = parts
  const store = createStorage(parts)

  function readInput(input: Parameters<typeof readCreateInput>[0]) {
    const read = readCreateInput(input, environments, now())
    const owner = read.owner === undefined ? (authority.owner ?? null) : read.owner
    requireGrantable(authority, { owner, scope: read.scope })
    return { ...read, owner }
  }

  async function create(input: Parameters<Keyring<M>['create']>[0]): Promise<CreatedKey<M>> {
    requireRight(authority, 'create')
    const { secondary, actor, ...attributes } = readInput(input)
    return store('key.created', { actor }, () => {
      const id = mintId()
      const first = newSecret(id, parts)
      const second = secondary ? newSecret(id, parts) : undefined
      const slots = { primary: first.stored, secondary: second?.stored ?? null }
      const record = created(id, { ...attributes, ...slots }, now())
      return {
        record,
        claims: nameClaims(record, uniqueNames),
        answer: {
          key: viewOf<M>(record, now()),
          primary: first.secret,
          secondary: second?.secret ?? null,
        },
      }
    })
  }

  async function importKey(input: ImportKeyInput<M>): Promise<ApiKey<M>> {
    requireRight(authority, 'import')
    const { primary, secondary, ...rest } = readImportInput(input)
    const { secondary: _, actor, ...attributes } = readInput(rest)
    const first = readImported(primary, 'primary', rules, now())
    const second =
      secondary === undefined ? null : readImported(secondary, 'secondary', rules, now())
    requireInput(
      first.digest === second?.digest ? 'must be another secret than the primary' : undefined,
      'secondary',
    )
    return store('key.imported', { actor }, () => {
      const slots = { primary: first, secondary: second }
      const record = created(mintId(), { ...attributes, ...slots }, now())
      const claims = [...secretClaims(record), ...nameClaims(record, uniqueNames)]
      return { record, claims, answer: viewOf<M>(record, now()) }
    })
  }

  return { create, import: importKey }
}

/** A key to store, what only it may have, and the answer once it is stored. */
interface NewKey<T> {
  readonly record: KeyRecord
  readonly claims: readonly Claim[]
  readonly answer: T
}

// Stores a new key. Makes another one if its id is taken, so that no key is overwritten, or if other
// keys with the same claims come in between.
function createStorage(parts: KeyringParts) {
  const { writes, reservations, emit } = parts
  return async <T>(type: ChangeType, options: ActorOption, make: () => NewKey<T>): Promise<T> => {
    // Before the claims, which a refused actor must not leave behind.
    actorOf(parts.authority, options)
    let hasClaims = false
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { record, claims, answer } = make()
      hasClaims = claims.length > 0
      // Without claims, the write is under way when the caller gets its promise, so `close` waits.
      const claimed = hasClaims ? await reservations.claim(record.id, claims) : []
      if (claimed === 'secret') throw secretTaken()
      if (claimed === 'name') throw nameTaken()
      const entry = entryOf(parts, type, record, record.createdAt, options)
      if (claimed === 'raced' || (await writes.put(record, undefined, entry)) !== 'stored') continue
      // The key is stored now. From here on, a store failure leaves the outcome unknown.
      if (await reservations.confirm(claimed).catch(rethrowAsUnknown)) {
        emit?.(entry)
        return answer
      }
      await remove(parts, record, options).catch(rethrowAsUnknown)
    }
    throw hasClaims
      ? new TwinkeyError('version_conflict', 'Other keys with the same secret or name came first.')
      : new TwinkeyError('store_malformed', 'The store says that every id is taken.')
  }
}

// Another key took a claim over before this key was written. This key gives way.
async function remove(parts: KeyringParts, { id }: KeyRecord, options: ActorOption): Promise<void> {
  await parts.writes.remove(id, {
    check: () => {},
    entry: (key) => entryOf(parts, 'key.deleted', key, timeAfter(key, parts.now()), options),
  })
}

function secretTaken(): TwinkeyError {
  return new TwinkeyError('secret_taken', 'One of the secrets is imported already.')
}
