import { created, type Metadata } from '../model/api-key.ts'
import { isTwinkeyError, requireInput, TwinkeyError } from '../model/error.ts'
import { readCreateInput, readImportInput } from '../model/key-input.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import { mintId } from '../secrets/secret.ts'
import type { Aliases } from './aliases.ts'
import { type ImportKeyInput, readImported } from './key-import.ts'
import type { CreatedKey, Keyring } from './key-management.ts'
import { outcomeUnknown } from './key-writes.ts'
import { emitChange, type KeyringParts, newSecret } from './keyring-parts.ts'

const MAX_ID_ATTEMPTS = 5
const MAX_IMPORT_ATTEMPTS = 20

/** The methods of a keyring that make keys. */
export function createKeyCreation<M extends Metadata>(
  parts: KeyringParts,
  aliases: Aliases,
): Pick<Keyring<M>, 'create' | 'import'> {
  const { writes, rules, defaultScope, now } = parts

  async function create(
    input: ReturnType<typeof readCreateInput>,
    attempt = 1,
  ): Promise<CreatedKey<M>> {
    const { secondary, actor, ...attributes } = input
    const id = mintId()
    const first = newSecret(id, parts)
    const second = secondary ? newSecret(id, parts) : undefined
    const record = created(
      id,
      { ...attributes, primary: first.stored, secondary: second?.stored ?? null },
      now(),
    )
    // Retries with another id if this one is taken, so that no key is overwritten.
    if ((await writes.put(record, undefined)) !== 'stored')
      return create(input, nextAttempt(attempt))
    emitChange(parts, 'key.created', record, { actor })
    return { key: viewOf(record), primary: first.secret, secondary: second?.secret ?? null }
  }

  async function importKey(input: ImportKeyInput<M>): Promise<ApiKey<M>> {
    const { primary, secondary, ...rest } = readImportInput(input)
    const { secondary: _, actor, ...attributes } = readCreateInput(rest, defaultScope, now())
    const first = readImported(primary, 'primary', rules, now())
    const second =
      secondary === undefined ? null : readImported(secondary, 'secondary', rules, now())
    requireInput(
      first.digest === second?.digest ? 'must be another secret than the primary' : undefined,
      'secondary',
    )
    for (let attempt = 0; attempt < MAX_IMPORT_ATTEMPTS; attempt++) {
      const record = created(mintId(), { ...attributes, primary: first, secondary: second }, now())
      const claimed = await aliases.claim(record)
      if (claimed === 'taken')
        throw new TwinkeyError('secret_taken', 'One of the secrets is imported already.')
      if (claimed === 'raced' || (await writes.put(record, undefined)) !== 'stored') continue
      // The key is stored now. From here on, a store failure leaves the outcome unknown.
      if (await aliases.confirm(claimed).catch(rethrowAsUnknown)) {
        emitChange(parts, 'key.imported', record, { actor })
        return viewOf(record)
      }
      await writes.remove(record.id).catch(rethrowAsUnknown)
    }
    throw new TwinkeyError('version_conflict', 'Other imports of the same secrets came in between.')
  }

  return {
    create: async (input) => create(readCreateInput(input, defaultScope, now())),
    import: importKey,
  }
}

function nextAttempt(attempt: number): number {
  if (attempt === MAX_ID_ATTEMPTS)
    throw new TwinkeyError('store_malformed', 'The store says that every id is taken.')
  return attempt + 1
}

function rethrowAsUnknown(error: unknown): never {
  throw isTwinkeyError(error) && error.code === 'store_unavailable' ? outcomeUnknown(error) : error
}
