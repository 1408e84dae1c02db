import { createHash, randomBytes } from 'node:crypto'
import type { RefusalReason, Twinkey } from 'twinkey'
import type { StoredKey } from 'twinkey/store'
import type { Clock } from '../support/clock.ts'
import { decoded } from '../support/forge.ts'
import type { SpyStore } from '../support/spy-store.ts'
import { type DeadKey, type Forging, type HostileToken, issued, sealed } from './forge-token.ts'

/** Where ended keys are kept. */
interface Ground {
  readonly twinkey: Twinkey
  /** The same API at the time when a signing key, retired by now, was still in use. */
  readonly before: Twinkey
  readonly spy: SpyStore
  readonly clock: Clock
}

/**
 * Creates keys, issues tokens for them, and ends them in every way. This takes a minute of the
 * clock.
 */
export async function buryKeys({
  twinkey,
  before,
  spy,
  clock,
}: Ground): Promise<Pick<Forging, 'graves' | 'aliasId'>> {
  const { keys } = twinkey
  const live = (name: string, more: { expiresAt?: number; secondary?: boolean } = {}) =>
    keys.create({ name, scope: { tenants: ['t'], workflows: '*' }, ...more })
  const graves: DeadKey[] = []
  const bury = async (
    { primary }: { primary: string },
    name: string,
    reason: RefusalReason,
    more: { by?: Twinkey; issuedReason?: RefusalReason } = {},
  ) => {
    const { by = twinkey, issuedReason = reason } = more
    graves.push({
      name,
      token: await issued(by, primary),
      reason,
      issuedReason,
      knowable: by !== twinkey,
    })
  }

  for (const [change, reason] of [
    ['disable', 'key_disabled'],
    ['revoke', 'key_revoked'],
    ['delete', 'key_unknown'],
  ] as const) {
    const made = await live(change)
    await bury(made, `of a key after ${change}`, reason)
    await keys[change](made.key.id)
  }
  const regenerated = await live('regenerated')
  await bury(regenerated, 'of a secret that was regenerated', 'secret_replaced')
  await keys.renew(regenerated.key.id, { slots: 'primary' })

  const rotated = await live('rotated at once', { secondary: false })
  await bury(rotated, 'of a secret that was rotated without a grace', 'secret_replaced')
  await keys.rotate(rotated.key.id, { graceSeconds: 0 })

  const inGrace = await live('in grace', { secondary: false })
  await bury(inGrace, 'of a secret whose grace is over', 'secret_expired')
  await keys.rotate(inGrace.key.id, { graceSeconds: 30 })

  const expiring = await live('expiring', { expiresAt: clock.now() + 30_000 })
  await bury(expiring, 'of a key that has expired', 'key_expired', {
    issuedReason: 'token_expired',
  })

  await bury(await live('long ago'), 'of a signing key that was removed', 'token_key_unknown', {
    by: before,
  })
  await before.close()

  clock.advance(60_000)
  return { graves, aliasId: await aliasIdOf(twinkey, spy) }
}

/**
 * The tokens of ended keys: as they were issued, and signed again to last another hour. And those
 * of keys that never existed.
 */
export function tokensOfTheDead(f: Forging): HostileToken[] {
  const again = (payload: Readonly<Record<string, unknown>>) =>
    sealed(f, { payload: { ...payload, iat: f.now, exp: f.now + 3600 } })
  const dead = f.graves.flatMap(({ name, token, reason, issuedReason, knowable }) => {
    const first = {
      name,
      text: token,
      reason: issuedReason,
      dead: !knowable && issuedReason !== 'token_expired',
    }
    // An attacker with the real key signs with it.
    return knowable
      ? [first]
      : [
          first,
          {
            name: `${name}, signed again`,
            text: again(decoded(token).payload),
            reason,
            dead: true,
          },
        ]
  })
  const others: [string, Readonly<Record<string, unknown>>, RefusalReason][] = [
    ['of a key that never was', { client_id: 'nosuchkey0000000' }, 'key_unknown'],
    ['of a key that objects inherit', { client_id: 'constructor' }, 'key_unknown'],
    ['of a key named __proto__', { client_id: '__proto__' }, 'key_unknown'],
    ['of an alias', { client_id: f.aliasId }, 'key_unknown'],
    ['of a secret that never was', { secret_id: 'nosuchsecret0000' }, 'secret_replaced'],
    ['of a secret that objects inherit', { secret_id: 'constructor' }, 'secret_replaced'],
    ['of a secret called primary', { secret_id: 'primary' }, 'secret_replaced'],
    [
      'of the secret of another key',
      { secret_id: decoded(f.graves[0]?.token ?? '').payload['secret_id'] },
      'secret_replaced',
    ],
    [
      'of another key, and the secret of this one',
      { client_id: decoded(f.graves[3]?.token ?? '').payload['client_id'] },
      'secret_replaced',
    ],
  ]
  const foreign = others.map(([name, change, reason]) => ({
    name,
    text: again({ ...f.claims, ...change }),
    reason,
    dead: true,
  }))
  return [...dead, ...foreign]
}

// An imported secret has a record besides that of its key, which must not count as a key.
async function aliasIdOf(twinkey: Twinkey, spy: SpyStore): Promise<string> {
  const put: StoredKey[] = []
  spy.override({
    put: (next, version, entry) => {
      put.push(next)
      return spy.inner.put(next, version, entry)
    },
  })
  const digest = createHash('sha256').update(randomBytes(32)).digest('hex')
  const primary = { digest, encoding: 'hex', algorithm: 'sha-256', entropyBits: 256 } as const
  await twinkey.keys.import({
    name: 'imported',
    scope: { tenants: ['t'], workflows: '*' },
    primary,
  })
  spy.override({})
  const alias = put.find(({ kind }) => kind === 'alias')
  if (alias === undefined) throw new Error('an import wrote no alias')
  return alias.id
}
