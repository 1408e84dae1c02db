import { readSigningKey } from '../../src/core/tokens/signing-key.ts'
import type { TokenRules } from '../../src/core/tokens/token.ts'
import {
  createTwinkey,
  generateSigningKey,
  memoryStore,
  type Profile,
  type Scope,
  type ScopeInput,
  type Twinkey,
} from '../../src/index.ts'
import * as profiles from '../../src/profiles/index.ts'
import { createClock } from '../support/clock.ts'

/**
 * A Twinkey with keys in all states, everything that it ever issued, and which of that is active.
 */
export interface FuzzScene {
  readonly twinkey: Twinkey
  /** For the text of each active secret or token: its owner and its scope. */
  readonly live: ReadonlyMap<string, { readonly keyId: string; readonly scope: Scope }>
  /**
   * Every secret that was ever issued or imported, active or not, and some that were never issued
   * but have the right form.
   */
  readonly secrets: readonly string[]
  /** Tokens, active or not, of this issuer and of another. */
  readonly tokens: readonly string[]
  /** Both. */
  readonly texts: readonly string[]
  /** The keys that verify the tokens. */
  readonly rules: TokenRules
  /** The time, which stands still. */
  readonly now: number
  readonly profiles: readonly Profile[]
}

export const PREFIXES = ['acme', 'acme_live', 'z_']
export const ISSUER = 'https://issuer.test'
const AUDIENCE = 'https://audience.test'
const IMPORTED = 'fw_2Qm8LxT0vR5yHs7JkWcZ9bNdUaEi3PgF-~!'

/** Existing names of tenants, environments and workflows. */
export const NAMES = ['1001', '1002', 'production', 'customers.read', 'a tenant/ünter * 100%']

/** The library under test: the sources unless given. */
export interface FuzzLibrary {
  readonly createTwinkey: typeof createTwinkey
  readonly profiles: Pick<typeof profiles, 'standard' | 'boomiFlow' | 'flare' | 'flowgear'>
}

export async function createFuzzScene(
  library: FuzzLibrary = { createTwinkey, profiles },
): Promise<FuzzScene> {
  const { standard, boomiFlow, flare, flowgear } = library.profiles
  const clock = createClock()
  const [key, stranger] = await Promise.all([generateSigningKey(), generateSigningKey()])
  const common = {
    store: memoryStore(),
    prefixes: PREFIXES,
    environments: ['production'],
    now: clock.now,
    cache: { maxAgeSeconds: 3600 },
    importedSecrets: [{ algorithm: 'sha-256', minLength: 24, maxLength: 64 }],
  } as const
  const make = (issuer: string, signingKey: typeof key, more = {}) =>
    library.createTwinkey({
      ...common,
      tokens: { issuer, audience: AUDIENCE, signingKeys: [signingKey] },
      ...more,
    })
  const twinkey = make(ISSUER, key)
  const { keys } = twinkey
  const live = new Map<string, { keyId: string; scope: Scope }>()
  const secrets: string[] = [IMPORTED]
  const tokens: string[] = []

  async function token(from: Twinkey, secret: string): Promise<{ token: string; scope: Scope }> {
    const issued = await from.tokens.issue(secret)
    if (!issued.ok) throw new Error(issued.refusal.code)
    tokens.push(issued.token)
    return issued
  }
  const end: Record<string, ((id: string) => Promise<unknown>) | undefined> = {
    disabled: (id) => keys.disable(id),
    revoked: (id) => keys.revoke(id),
    deleted: (id) => keys.delete(id),
    replaced: (id) => keys.renew(id, { slots: 'primary' }).then(() => keys.revoke(id)),
  }
  const scopes: Record<string, ScopeInput & Pick<Scope, 'tenants' | 'workflows'>> = {
    wide: { tenants: '*', environments: '*', workflows: '*' },
    narrow: { tenants: ['1001'], workflows: ['customers.read'] },
    odd: { tenants: NAMES, workflows: '*' },
    ...Object.fromEntries(
      Object.keys(end).map((name) => [name, { tenants: ['1001'], workflows: '*' as const }]),
    ),
  }
  // Each prefix issues secrets: an underscore in one must not be taken for the one behind it.
  const minting = PREFIXES.map((prefix) => make(ISSUER, key, { prefixes: [prefix] }))
  for (const [index, [name, scope]] of Object.entries(scopes).entries()) {
    const created = await (minting[index % minting.length] as Twinkey).keys.create({ name, scope })
    for (const secret of [created.primary, created.secondary as string]) {
      secrets.push(secret)
      const issued = await token(twinkey, secret)
      if (end[name] !== undefined) continue
      live.set(secret, { keyId: created.key.id, scope: created.key.scope })
      live.set(issued.token, { keyId: created.key.id, scope: issued.scope })
    }
    await end[name]?.(created.key.id)
  }
  const imported = await keys.import({
    name: 'imported',
    scope: { tenants: ['1002'], workflows: '*' },
    primary: { secret: IMPORTED, entropyBits: 128 },
  })
  live.set(IMPORTED, { keyId: imported.id, scope: imported.scope })
  // Of the right form, with a good checksum, and unknown here: another deployment's.
  const elsewhere = make('https://elsewhere.test', stranger, { store: memoryStore() })
  const { primary } = await elsewhere.keys.create({
    name: 'elsewhere',
    scope: { tenants: '*', workflows: '*' },
  })
  secrets.push(primary)
  await token(elsewhere, primary)
  const signingKey = readSigningKey(key, 'the signing key')
  return {
    twinkey,
    live,
    secrets,
    tokens,
    texts: [...secrets, ...tokens],
    rules: {
      issuer: ISSUER,
      audience: AUDIENCE,
      clockToleranceSeconds: 30,
      keyOf: (kid) => (kid === signingKey.kid ? signingKey : undefined),
    },
    now: clock.now(),
    profiles: [
      standard(),
      boomiFlow(),
      flare({
        account: () => ({
          userId: 1,
          userEmail: 'ada@example.com',
          organizationId: 1,
          tenantId: 1001,
        }),
      }),
      flowgear(),
    ],
  }
}
