import { digestOf, digestUnder, type Pepper } from './digest.ts'
import { hasOurPrefix } from './secret.ts'

/** A kind of imported secrets to look up: the algorithm of their digests, and their length. */
export interface ImportedSecretFormat {
  readonly algorithm: 'sha-256' | 'hmac-sha-256'
  /** With `hmac-sha-256`: the name in `pepper.keys` of the key that the other system used. */
  readonly pepper?: string | undefined
  /** The length of the shortest secret, in characters: 16 to 256. */
  readonly minLength: number
  /** The length of the longest secret, in characters: `minLength` to 256. */
  readonly maxLength: number
}

/** The problem of an algorithm that imported secrets cannot have. */
export const ALGORITHM_PROBLEM =
  "must be 'sha-256' or 'hmac-sha-256'. Other digests, like SHA-512, cannot be looked up: import each secret when its caller next sends it (docs/migrating.md)"

/** The id of the alias of an imported secret: a hash of its digest, which the id does not reveal. */
export function aliasIdOf(digest: string): string {
  return `alias-${digestOf(digest)}`
}

/**
 * The ids of the aliases that a text may have: one for each entry of `importedSecrets` whose length
 * limits it fits. None for a text with a Twinkey prefix.
 */
export function aliasIdsOf(
  text: string,
  importedSecrets: readonly ImportedSecretFormat[],
  prefixes: readonly string[],
  pepper: Pepper | undefined,
): string[] {
  if (hasOurPrefix(text, prefixes)) return []
  const fitting = importedSecrets.filter(
    ({ minLength, maxLength }) => text.length >= minLength && text.length <= maxLength,
  )
  // The check of the options ensures that this pepper is configured.
  return fitting.map((kind) => aliasIdOf(digestUnder(kind.pepper, text, pepper) as string))
}
