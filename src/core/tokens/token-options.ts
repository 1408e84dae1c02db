import type { JWK } from 'jose'
import { copyJson } from '../model/copy.ts'
import { requireMembers, requireName, requireNumber, resourcesOf } from '../model/options-checks.ts'
import { MAX_LIFETIME_SECONDS } from './claims.ts'
import { MAX_JWK_DEPTH, readSigningKey, type SigningKey } from './signing-key.ts'
import { MAX_CLOCK_TOLERANCE_SECONDS } from './token.ts'

/** How tokens are issued and verified. */
export interface TokenOptions {
  /**
   * The `iss` of every token, usually the URL of this API. Default: `twinkey`. An explicit
   * `undefined` throws, because it usually means that an environment variable is not set.
   */
  readonly issuer?: string
  /**
   * The `aud` of every token, usually the URL of this API. Default: `twinkey`. An explicit
   * `undefined` throws.
   */
  readonly audience?: string
  /**
   * Private JWKs from {@link generateSigningKey}. The first key signs, and all keys verify. Keys
   * after the first may be public only. Default with `memoryStore()`: an ephemeral key that is lost
   * when the process ends. With any other store there is no default, and tokens cannot be issued.
   *
   * To replace a key without failed requests, add the new key after the first on every node, then
   * move it to first place, then remove the old key after one hour plus `clockToleranceSeconds`.
   */
  readonly signingKeys?: readonly JWK[] | undefined
  /**
   * How far the clock of another node may be ahead. Applies to `iat` and `nbf`, not to `exp`.
   * Range: 0 to 60 seconds. Default: 30.
   */
  readonly clockToleranceSeconds?: number | undefined
  /**
   * Maximum token lifetime. Longer requests are shortened, and the response states the actual
   * lifetime. Range: 1 to 3600 seconds. Default: 3600. A change does not affect tokens that are
   * already issued.
   *
   * A service that has only the JWKS accepts the tokens of a revoked key for up to this long. With
   * the Flare profile, use more than 2700: its clients keep a token for that long.
   */
  readonly maxLifetimeSeconds?: number | undefined
}

/** The options of tokens after the checks, with all defaults filled in. */
export interface CheckedTokenOptions {
  readonly issuer: string
  readonly audience: string
  readonly resources: readonly string[]
  readonly clockToleranceSeconds: number
  readonly maxLifetimeSeconds: number
  readonly signingKeys: readonly SigningKey[]
}

const DEFAULT_NAME = 'twinkey'

/**
 * Checks and copies the options of tokens.
 *
 * @throws TypeError or RangeError for a wrong option.
 */
export function checkTokenOptions(
  given: TokenOptions = {},
  resources: unknown = [],
): CheckedTokenOptions {
  const tokens = requireMembers(
    given,
    ['issuer', 'audience', 'signingKeys', 'clockToleranceSeconds', 'maxLifetimeSeconds'],
    'tokens',
  )
  // An explicit undefined overrides the default here and fails the check below: it is usually an
  // environment variable that is not set.
  const { issuer, audience } = { issuer: DEFAULT_NAME, audience: DEFAULT_NAME, ...tokens }
  const signingKeys = copyJson(
    tokens.signingKeys === undefined ? [] : tokens.signingKeys,
    MAX_JWK_DEPTH + 1,
  ) as readonly JWK[]
  requireName(issuer, 'tokens.issuer')
  requireName(audience, 'tokens.audience')
  if (
    !Array.isArray(signingKeys) ||
    (tokens.signingKeys !== undefined && signingKeys.length === 0)
  ) {
    throw new TypeError(
      'tokens.signingKeys must be a list of JWKs with at least one. Make one with generateSigningKey().',
    )
  }
  const keys = signingKeys.map((jwk, index) => readSigningKey(jwk, `tokens.signingKeys[${index}]`))
  if (signingKeys[0] !== undefined && signingKeys[0].d === undefined) {
    throw new TypeError('tokens.signingKeys[0] must be a private JWK: the first one signs.')
  }
  if (new Set(keys.map(({ kid }) => kid)).size !== keys.length)
    throw new TypeError('tokens.signingKeys has the same key twice.')
  return {
    issuer,
    audience,
    resources: resourcesOf(resources, audience),
    clockToleranceSeconds: requireNumber(
      tokens.clockToleranceSeconds,
      30,
      0,
      MAX_CLOCK_TOLERANCE_SECONDS,
      'tokens.clockToleranceSeconds',
      Number.isFinite,
    ),
    maxLifetimeSeconds: requireNumber(
      tokens.maxLifetimeSeconds,
      MAX_LIFETIME_SECONDS,
      1,
      MAX_LIFETIME_SECONDS,
      'tokens.maxLifetimeSeconds',
      Number.isInteger,
    ),
    signingKeys: keys,
  }
}
