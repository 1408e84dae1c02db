import { digestOf, digestUnder, type Pepper } from './digest.ts'
import { hasOurPrefix } from './secret.ts'

/**
 * Secrets that another system issued and that are to be looked up: which digests of them were
 * imported, and how long they are.
 */
export interface ImportedSecretFormat {
  readonly algorithm: 'sha-256' | 'hmac-sha-256'
  /** With `hmac-sha-256`: the name in `pepper.keys` of the key that the other system used. */
  readonly pepper?: string | undefined
  /** Shortest such secret, in characters: 16 to 256. */
  readonly minLength: number
  /** Longest such secret, in characters: 16 to 256. */
  readonly maxLength: number
}

/** Why an algorithm cannot be that of an imported secret. */
export const ALGORITHM_PROBLEM =
  "must be 'sha-256' or 'hmac-sha-256'. Other digests, like SHA-512, cannot be looked up: import each secret when its caller next sends it (docs/migrating.md)"

/**
 * The id of the alias that leads from a secret to its key. It derives from the digest, and does not
 * give it away.
 */
export function aliasIdOf(digest: string): string {
  return `alias-${digestOf(digest)}`
}

/**
 * The ids of the aliases under which a text may be imported: one for each entry of
 * `importedSecrets` that its length fits. None for a text that begins like a secret of ours.
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
  // A pepper that is named here is configured: the options were checked.
  return fitting.map((kind) => aliasIdOf(digestUnder(kind.pepper, text, pepper) as string))
}
