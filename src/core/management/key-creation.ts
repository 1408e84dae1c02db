import type { Metadata } from '../model/api-key.ts'
import { requireInput } from '../model/error.ts'
import { copyInput, readCreateInput, readImportInput } from '../model/key-input.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import { membersOf } from '../model/operations.ts'
import { created } from '../model/transitions.ts'
import { mintId } from '../secrets/secret.ts'
import { actorOf, requireGrantable, requireRight } from './authority.ts'
import { idempotentId, inputDigest, readRepetition } from './idempotency.ts'
import { type ImportKeyInput, readImported } from './key-import.ts'
import type { CreatedKey, Keyring, RepeatedKey } from './key-management.ts'
import { policyDefaults, requireLife, requireSecrets } from './key-policy.ts'
import { createStorage } from './key-storage.ts'
import { type KeyringParts, newSecret, requireLimiter } from './keyring-parts.ts'
import { nameClaims, secretClaims } from './reservations.ts'
import { requireNewRestrictions, restrictionDefaults } from './restrictions.ts'

/** The methods of a keyring that make keys. */
export function createKeyCreation<M extends Metadata>(
  parts: KeyringParts,
): Pick<Keyring<M>, 'create' | 'createOnce' | 'import'> {
  const { authority, rules, environments, uniqueNames, now } = parts
  const { policy } = authority
  const store = createStorage(parts)

  function readInput(input: Parameters<typeof readCreateInput>[0]) {
    const at = now()
    const defaults = {
      environments,
      ...policyDefaults(policy, at),
      ...restrictionDefaults(authority),
    }
    const read = readCreateInput(input, defaults, at)
    const owner = ownerOf(read)
    requireLimiter(parts, read.limits)
    requireGrantable(authority, { owner, scope: read.scope })
    requireLife(policy, read.expiresAt, at)
    requireNewRestrictions(authority, read)
    return { ...read, owner }
  }

  function ownerOf({ owner }: { readonly owner?: string | null | undefined }): string | null {
    return owner === undefined ? (authority.owner ?? null) : owner
  }

  function readNew(input: Parameters<Keyring<M>['create']>[0]) {
    const read = readInput(input)
    requireSecrets(policy, read.secondary)
    return read
  }

  // A new record, its claims, and the answer once it is stored.
  function made(
    id: string,
    { secondary, actor: _, ...attributes }: ReturnType<typeof readInput>,
    notBefore = 0,
  ) {
    const first = newSecret(id, parts)
    const second = secondary ? newSecret(id, parts) : undefined
    const slots = { primary: first.stored, secondary: second?.stored ?? null }
    const record = created(id, { ...attributes, ...slots }, Math.max(now(), notBefore))
    const answer: CreatedKey<M> = {
      key: viewOf<M>(record, now()),
      primary: first.secret,
      secondary: second?.secret ?? null,
    }
    return { record, claims: nameClaims(record, uniqueNames), answer }
  }

  async function create(input: Parameters<Keyring<M>['create']>[0]): Promise<CreatedKey<M>> {
    requireRight(authority, 'create')
    const read = readNew(input)
    return store('key.created', read, () => made(mintId(), read))
  }

  async function createOnce(
    input: Parameters<Keyring<M>['create']>[0],
    idempotencyKey: string,
  ): Promise<CreatedKey<M> | RepeatedKey<M>> {
    requireRight(authority, 'createOnce')
    const given = copyInput(input, membersOf('createOnce'))
    const owner = ownerOf(given)
    const id = idempotentId(actorOf(authority, given), owner, idempotencyKey)
    const requestDigest = inputDigest(given)
    const repeated = () => readRepetition<M>(parts, id, requestDigest)
    // Before the checks of the input: time may have passed since the first call.
    const earlier = await repeated()
    if ('key' in earlier) return earlier
    const read = readNew(given)
    let { notBefore } = earlier
    return store('key.created', read, () => made(id, read, notBefore), {
      details: { requestDigest },
      async repeated() {
        const found = await repeated()
        if ('key' in found) return found
        notBefore = found.notBefore
        return undefined
      },
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
    requireSecrets(policy, second !== null)
    return store('key.imported', { ...attributes, actor }, () => {
      const slots = { primary: first, secondary: second }
      const record = created(mintId(), { ...attributes, ...slots }, now())
      const claims = [...secretClaims(record), ...nameClaims(record, uniqueNames)]
      return { record, claims, answer: viewOf<M>(record, now()) }
    })
  }

  return { create, createOnce, import: importKey }
}
