import { isIssuedBy, isTokenLike } from '../../src/core/tokens/token.ts'
import { base64url, forge } from '../support/forge.ts'
import { verifyToken } from '../support/verify-token.ts'
import type { Random } from './fuzz-random.ts'
import type { Target } from './fuzz-run.ts'
import { type FuzzScene, ISSUER } from './fuzz-scene.ts'
import { anyText, changed, randomText } from './fuzz-texts.ts'

/** The text of a token: only issued tokens are accepted, character by character. */
export function tokenTarget(
  { tokens, rules, now }: FuzzScene,
  verify: typeof verifyToken = verifyToken,
): Target<string> {
  // Tokens that this issuer signed. Their keys may have ended, which the text cannot show.
  const issued = new Set(tokens.filter((token) => claimed(token)?.['iss'] === ISSUER))
  return {
    name: 'verifyToken',
    make: (random) => mutatedToken(random, tokens),
    async judge(text) {
      const verified = await verify(text, rules, now)
      if (typeof verified !== 'string') {
        if (!issued.has(text)) return { wrong: 'a token was taken that nobody issued' }
        return verified.keyId === claimed(text)?.['client_id']
          ? 'taken'
          : { wrong: 'its claims were misread' }
      }
      if (issued.has(text)) return { wrong: `a token that was issued was refused: ${verified}` }
      return /^token_[a-z_]+$/.test(verified)
        ? 'refused'
        : { wrong: 'the reason is not in the list' }
    },
  }
}

/**
 * Whether a text claims to be a token of an issuer: only if it has the form of one and its payload
 * really names the issuer.
 */
export function issuerTarget({ tokens }: FuzzScene): Target<string> {
  return {
    name: 'isIssuedBy',
    make: (random) => mutatedToken(random, tokens),
    judge(text) {
      const ours = isIssuedBy(text, ISSUER)
      if (ours && claimed(text)?.['iss'] !== ISSUER) return { wrong: 'it does not say so' }
      if (ours && !isTokenLike(text) && text.startsWith('eyJ'))
        return { wrong: 'it looks like no token' }
      if (!ours && tokens.includes(text) && claimed(text)?.['iss'] === ISSUER)
        return { wrong: 'a token of this issuer is taken for none' }
      return ours ? 'taken' : 'refused'
    },
  }
}

/**
 * A token with a changed text, or with parts that were changed before encoding, or signed by
 * somebody else.
 */
export function mutatedToken(random: Random, tokens: readonly string[]): string {
  if (!random.oneIn(3)) return anyText(random, tokens)
  const [header = '', payload = '', signature = ''] = random.pick(tokens).split('.')
  const parts = [decoded(header), decoded(payload)]
  const at = random.below(2)
  parts[at] = random.oneIn(10)
    ? randomText(random)
    : changed(parts[at] as string, random, parts as string[])
  // Signing takes long, so it is rare. The key is unknown here.
  if (random.oneIn(50)) return forge({ header: parts[0] as string, payload: parts[1] as string })
  return `${base64url(parts[0] as string)}.${base64url(parts[1] as string)}.${signature}`
}

function decoded(segment: string): string {
  return Buffer.from(segment, 'base64url').toString()
}

function claimed(token: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(decoded(token.split('.')[1] ?? ''))
  } catch {
    return undefined
  }
}
