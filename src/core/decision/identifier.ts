import { MAX_SECRET_LENGTH } from '../model/checks.ts'
import { REFUSALS } from '../model/refusal.ts'
import { aliasIdsOf } from '../secrets/imported-secrets.ts'
import { hasOurPrefix, isWellFormed, keyIdOf } from '../secrets/secret.ts'
import { isTokenLike } from '../tokens/token.ts'
import { matchedSecret } from './credential-match.ts'
import { CredentialDenial, invalid } from './denial.ts'
import { createFreshRecords, type Match } from './fresh-records.ts'
import type { Identity } from './identity.ts'
import type { CachedKey } from './key-cache.ts'
import { createRecogniser, type Recognise, type RecogniserParts } from './recogniser.ts'
import type { Credential } from './route-requirement.ts'
import type { Steps } from './steps.ts'
import {
  createTokenIdentifier,
  type InspectedToken,
  type TokenIdentifier,
} from './token-identifier.ts'

export { CredentialDenial, invalid } from './denial.ts'

/** A credential that passed every check that needs neither the store nor a signature. */
export type Inspected =
  | { readonly kind: 'secret'; readonly text: string; readonly keyId: string }
  | InspectedToken
  | InspectedImport

interface InspectedImport {
  readonly kind: 'imported'
  readonly text: string
  readonly aliasIds: readonly string[]
  /** What the text is if it was not imported: a token, or why it is neither. */
  readonly otherwise: InspectedToken | CredentialDenial
}

/** The second step of every decision: from the text of a credential to an active key. */
export interface Identifier {
  readonly recognise: Recognise
  /**
   * Checks length, form and checksum of a secret, and header and `kid` of a token. Reads no store
   * and grants nothing.
   */
  inspect(
    credential: Pick<Credential, 'text' | 'form'>,
    kinds: Credential['kinds'],
  ): Inspected | CredentialDenial
  /**
   * Finds the active key of an inspected credential.
   *
   * @param since When the request arrived. A record that was loaded earlier is reloaded before it
   *   refuses anything.
   */
  identify(inspected: Inspected, since: number): Steps<Identity | CredentialDenial>
  /**
   * Whether the key was neither invalidated nor replaced in the cache since the identity was made.
   */
  isCurrent(identity: Identity, at: number): boolean
}

/** What an identifier needs. */
export interface IdentifierParts extends RecogniserParts {
  readonly now: () => number
}

export function createIdentifier(parts: IdentifierParts): Identifier {
  const { keys, pepper, tokens, now } = parts
  const records = createFreshRecords(keys, now)
  const tokenIdentifier = createTokenIdentifier(tokens, records, now)
  const matchOf =
    (text: string): Match =>
    (cached, at) =>
      matchedSecret(text, cached, pepper, at)

  function* identifyImported(
    { text, aliasIds, otherwise }: InspectedImport,
    since: number,
  ): Steps<Identity | CredentialDenial> {
    let last: CredentialDenial | undefined
    for (const aliasId of aliasIds) {
      const found = yield* records.settleAlias(aliasId, text, since, matchOf(text))
      if (found !== undefined && !(found instanceof CredentialDenial)) return found
      // A stale alias must not hide an alias of another format.
      last = found ?? last
    }
    if (last !== undefined || otherwise instanceof CredentialDenial)
      return last ?? (otherwise as CredentialDenial)
    return yield* tokenIdentifier.identify(otherwise, since)
  }

  return {
    recognise: createRecogniser(parts),
    inspect: (credential, kinds) => inspectCredential(parts, tokenIdentifier, credential, kinds),
    *identify(inspected, since) {
      if (inspected.kind === 'token') return yield* tokenIdentifier.identify(inspected, since)
      if (inspected.kind === 'imported') return yield* identifyImported(inspected, since)
      const { text, keyId } = inspected
      return yield* records.settle(keyId, text, since, matchOf(text))
    },
    isCurrent({ source, holder }, at) {
      const newest = keys.peek(holder.id, at)
      return newest === undefined
        ? keys.ifCurrent(holder.id, source as CachedKey) !== undefined
        : newest === source
    },
  }
}

function inspectCredential(
  { prefixes, pepper, importedSecrets, tokens }: IdentifierParts,
  tokenIdentifier: TokenIdentifier,
  { text, form }: Pick<Credential, 'text' | 'form'>,
  kinds: Credential['kinds'],
): Inspected | CredentialDenial {
  if (form?.test(text) === false)
    return new CredentialDenial(REFUSALS.credentialMalformed, undefined)
  const keyId = keyIdOf(text, prefixes)
  if (keyId !== undefined || hasOurPrefix(text, prefixes)) {
    if (kinds === 'token') return invalid('kind_not_accepted')
    if (keyId === undefined || text.length > MAX_SECRET_LENGTH) return invalid('secret_malformed')
    return isWellFormed(text) ? { kind: 'secret', text, keyId } : invalid('checksum_wrong')
  }
  const token =
    kinds !== 'secret' && isTokenLike(text) ? tokenIdentifier.inspect(text, kinds) : undefined
  if (kinds === 'token') return token ?? invalid('token_malformed', undefined, true)
  // Aliases come before tokens, because an imported secret may look like one of our tokens. No
  // token is as short as an imported secret.
  const aliasIds = aliasIdsOf(text, importedSecrets, prefixes, pepper)
  const otherwise = token ?? notImported(tokens.isOwn(text))
  return aliasIds.length === 0 ? otherwise : { kind: 'imported', text, aliasIds, otherwise }
}

function notImported(isOwnToken: boolean): CredentialDenial {
  return isOwnToken ? invalid('kind_not_accepted') : invalid('prefix_unknown', undefined, true)
}
