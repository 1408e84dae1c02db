import { sha256 } from '#hash'
import { MAX_SECRET_LENGTH } from '../model/checks.ts'
import type { Pepper } from '../secrets/digest.ts'
import { aliasIdsOf, type ImportedSecretFormat } from '../secrets/imported-secrets.ts'
import { keyIdOf } from '../secrets/secret.ts'
import { isTokenLike } from '../tokens/token.ts'
import { ifActive, matchedSecret, matchedToken } from './credential-match.ts'
import { CredentialDenial } from './denial.ts'
import type { Identity } from './identity.ts'
import type { CachedKey, KeyCache } from './key-cache.ts'
import type { Credential } from './route-requirement.ts'
import type { TokenVerifier } from './token-verifier.ts'

/**
 * Recognises an active credential from what this process has cached, without waiting.
 *
 * @param age Default: `fresh`. `any` accepts records of any age: enough to spare a caller the
 *   throttle, never to let a request in.
 * @returns Undefined if the credential must be inspected and identified.
 */
export type Recognise = (
  credential: Pick<Credential, 'text' | 'form'>,
  kinds: Credential['kinds'],
  at: number,
  age?: 'fresh' | 'any',
) => Identity | undefined

/** What a recogniser needs. */
export interface RecogniserParts {
  readonly keys: KeyCache
  readonly prefixes: readonly string[]
  readonly pepper: Pepper | undefined
  /** The formats of secrets that were imported from other systems. */
  readonly importedSecrets: readonly ImportedSecretFormat[]
  readonly tokens: TokenVerifier
}

export function createRecogniser({
  keys,
  prefixes,
  pepper,
  importedSecrets,
  tokens,
}: RecogniserParts): Recognise {
  function peek(id: string, at: number, age: 'fresh' | 'any'): CachedKey | undefined {
    return keys.peek(id, at) ?? (age === 'any' ? keys.last(id) : undefined)
  }

  function recogniseSecret(
    text: string,
    keyId: string,
    at: number,
    age: 'fresh' | 'any',
  ): Identity | undefined {
    // Not with a pepper: for a key under an old pepper, this would be a second HMAC, and its time
    // would show that.
    const digest = pepper === undefined ? sha256(text) : undefined
    const recent = digest && keys.recent(digest, at)
    if (recent) return orUndefined(ifActive(recent, at))
    const cached = peek(keyId, at, age)
    const found = cached && orUndefined(matchedSecret(text, cached, pepper, at, digest))
    if (digest && found) keys.keepRecent(digest, found)
    return found
  }

  function recogniseImported(text: string, at: number, age: 'fresh' | 'any'): Identity | undefined {
    for (const aliasId of aliasIdsOf(text, importedSecrets, prefixes, pepper)) {
      const alias = peek(aliasId, at, age)?.value
      const cached = alias?.kind === 'alias' ? peek(alias.keyId, at, age) : undefined
      const found = cached && orUndefined(matchedSecret(text, cached, pepper, at))
      if (found !== undefined) return found
    }
    return undefined
  }

  return ({ text, form }, kinds, at, age = 'fresh') => {
    const keyId = keyIdOf(text, prefixes)
    if (keyId !== undefined) {
      return kinds === 'token' || text.length > MAX_SECRET_LENGTH
        ? undefined
        : recogniseSecret(text, keyId, at, age)
    }
    const mayBeImported =
      kinds !== 'token' && importedSecrets.length > 0 && form?.test(text) !== false
    const imported = mayBeImported ? recogniseImported(text, at, age) : undefined
    if (imported !== undefined || kinds === 'secret' || !isTokenLike(text)) return imported
    const token = tokens.recall(text, at, age)
    const cached = token && peek(token.claims.keyId, at, age)
    return cached && orUndefined(matchedToken(token, cached, at))
  }
}

function orUndefined(found: Identity | CredentialDenial): Identity | undefined {
  return found instanceof CredentialDenial ? undefined : found
}
