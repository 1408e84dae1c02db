import type { JWK } from 'jose'
import type { RefusalReason, SigningAlgorithm, Twinkey } from 'twinkey'
import { type ForgedPart, type Forgery, forge } from '../support/forge.ts'

/** A token that nobody may be let in with. */
export interface HostileToken {
  readonly name: string
  readonly text: string
  /** Why, as `tokens.verify` tells the operator. */
  readonly reason: RefusalReason
  /**
   * Whether nothing is wrong with the token itself, but with its key or secret: what a verifier
   * without the store cannot know.
   */
  readonly dead?: boolean
}

/**
 * What hostile tokens are forged with: everything that an attacker may have, and the real private
 * key too.
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
  /** Where the attacker serves the attacker's key. */
  readonly lure: string
  /** Keys and secrets that are dead by now. */
  readonly graves: readonly DeadKey[]
  /** The id of the record that leads from an imported secret to its key. */
  readonly aliasId: string
}

/** A key or a secret that is dead, and a token that it minted when it was not. */
export interface DeadKey {
  readonly name: string
  readonly token: string
  /** Why a token of it is refused that says it lives on. */
  readonly reason: RefusalReason
  /** Why the token is refused that was issued. */
  readonly issuedReason: RefusalReason
  /** Whether a service that has only the public keys can know: by the signing key. */
  readonly knowable: boolean
}

/** A token for a secret that is live. */
export async function issued(twinkey: Twinkey, secret: string): Promise<string> {
  const answer = await twinkey.tokens.issue(secret)
  if (!answer.ok) throw new Error(`refused: ${answer.refusal.code}`)
  return answer.token
}

/**
 * Signs with the real key, unless said otherwise, what is the good token's but for what is given.
 */
export function sealed(
  forging: Forging,
  { header = forging.header, payload = forging.claims, key = forging.key }: Partial<Forgery>,
): string {
  return forge({ header, payload, key })
}

/** A list in a list, so many deep. */
export function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

/** A hostile token; `token_malformed` unless said otherwise. */
export function hostile(
  name: string,
  text: string,
  reason: RefusalReason = 'token_malformed',
): HostileToken {
  return { name, text, reason }
}

/** A token that is malformed for its header, which the real key signed. */
export function malformed(f: Forging, name: string, header: ForgedPart): HostileToken {
  return hostile(name, sealed(f, { header }))
}
