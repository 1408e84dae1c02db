import type { JWK } from 'jose'
import type { RefusalReason, SigningAlgorithm, Twinkey } from 'twinkey'
import { type ForgedPart, type Forgery, forge } from '../support/forge.ts'

/** A token that must never be accepted. */
export interface HostileToken {
  readonly name: string
  readonly text: string
  /** The reason, as `tokens.verify` reports it to the operator. */
  readonly reason: RefusalReason
  /**
   * Whether the token itself is valid, and only its key or secret has ended: a verifier without the
   * store cannot know that.
   */
  readonly dead?: boolean
}

/**
 * The means to forge hostile tokens: everything that an attacker may have, and the real private key
 * too.
 */
export interface Forging {
  readonly algorithm: SigningAlgorithm
  /** Signs: private. */
  readonly key: JWK
  /**
   * Another one of that algorithm, and one of another algorithm, that the API verifies with:
   * private.
   */
  readonly twin: JWK
  readonly cousin: JWK
  /** The attacker's own: private. */
  readonly evil: JWK
  /** What the API publishes of its keys, in the order key, twin, cousin. */
  readonly published: readonly JWK[]
  /** A token that is let in, and what it says. */
  readonly token: string
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** Epoch seconds. */
  readonly now: number
  /** Where the attacker serves their own key. */
  readonly lure: string
  /** Keys and secrets that have ended. */
  readonly graves: readonly DeadKey[]
  /** The id of the record that leads from an imported secret to its key. */
  readonly aliasId: string
}

/** A key or a secret that has ended, and a token that was issued for it before. */
export interface DeadKey {
  readonly name: string
  readonly token: string
  /** The reason for refusing a token of it that claims to be still valid. */
  readonly reason: RefusalReason
  /** The reason for refusing the issued token. */
  readonly issuedReason: RefusalReason
  /** Whether a service that has only the public keys can know: by the signing key. */
  readonly knowable: boolean
}

/** A token for an active secret. */
export async function issued(twinkey: Twinkey, secret: string): Promise<string> {
  const answer = await twinkey.tokens.issue(secret)
  if (!answer.ok) throw new Error(`refused: ${answer.refusal.code}`)
  return answer.token
}

/** Signs the good token with the given changes. Default: with the real key. */
export function sealed(
  forging: Forging,
  { header = forging.header, payload = forging.claims, key = forging.key }: Partial<Forgery>,
): string {
  return forge({ header, payload, key })
}

/** A list in a list, this many levels deep. */
export function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

/** A hostile token. Default reason: `token_malformed`. */
export function hostile(
  name: string,
  text: string,
  reason: RefusalReason = 'token_malformed',
): HostileToken {
  return { name, text, reason }
}

/** A token with a malformed header, signed by the real key. */
export function malformed(f: Forging, name: string, header: ForgedPart): HostileToken {
  return hostile(name, sealed(f, { header }))
}
