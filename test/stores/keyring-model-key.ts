import type { ApiKey, ErrorCode, Metadata, Scope, Slot } from 'twinkey'
import { sorted } from './keyring-model-scope.ts'

/** A secret that was shown once. */
export interface ModelSecret {
  readonly text: string
  readonly keyId: string
  /** Its id, as the key showed it at its creation. */
  readonly id: string
}

export interface ModelSlot {
  readonly secret: ModelSecret
  readonly createdAt: number
  readonly expiresAt: number | null
}

/** A key as the documentation promises it. */
export interface ModelKey {
  readonly id: string
  readonly name: string
  readonly owner: string | null
  readonly metadata: Metadata
  readonly scope: Scope
  readonly enabled: boolean
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly primary: ModelSlot
  readonly secondary: ModelSlot | null
}

/** A management call for one key. Times are relative, so that it can be made at any moment. */
export type Change =
  | {
      readonly kind: 'update'
      readonly name?: string | undefined
      readonly scope?: Partial<Scope> | undefined
      readonly metadata?: Metadata | undefined
      readonly expiresIn?: number | null | undefined
    }
  | { readonly kind: 'enable' | 'disable' | 'revoke' | 'delete' }
  | {
      readonly kind: 'rotate'
      readonly graceSeconds?: number | undefined
      readonly replace?: 'secondary' | undefined
    }
  | { readonly kind: 'regenerate'; readonly slot: Slot }

const DAY_SECONDS = 86_400

/** The slot into which a change puts a new secret. */
export function renewedSlot(change: Change): Slot | undefined {
  if (change.kind === 'rotate') return 'primary'
  return change.kind === 'regenerate' ? change.slot : undefined
}

/** Whether a change retries until it succeeds, so that it never loses to another one. */
export function insists({ kind }: Change): boolean {
  return kind === 'disable' || kind === 'revoke' || kind === 'delete'
}

/**
 * The result of a change: the changed key, the same key if nothing changes, undefined if the key is
 * gone, or an error.
 */
export function changed(
  key: ModelKey | undefined,
  change: Change,
  secret: ModelSecret,
  now: number,
): { readonly key: ModelKey | undefined } | { readonly fault: ErrorCode } {
  if (key === undefined) return { fault: 'key_not_found' }
  if (change.kind === 'delete') return { key: undefined }
  const revoked = key.revokedAt !== null
  if (change.kind === 'revoke')
    return { key: revoked ? key : { ...key, revokedAt: now, updatedAt: now } }
  if (revoked) return { fault: 'key_revoked' }
  const fresh: ModelSlot = { secret, createdAt: now, expiresAt: null }
  switch (change.kind) {
    case 'enable':
    case 'disable': {
      const enabled = change.kind === 'enable'
      return { key: key.enabled === enabled ? key : { ...key, enabled, updatedAt: now } }
    }
    case 'update': {
      const { name = key.name, metadata = key.metadata, scope, expiresIn } = change
      const expiresAt = expiresIn === undefined ? key.expiresAt : expiryOf(expiresIn, now)
      return {
        key: {
          ...key,
          name,
          metadata,
          expiresAt,
          scope: { ...key.scope, ...scope },
          updatedAt: now,
        },
      }
    }
    case 'regenerate':
      return { key: { ...key, [change.slot]: fresh, updatedAt: now } }
    case 'rotate': {
      const { graceSeconds = DAY_SECONDS, replace } = change
      if (replace === undefined && key.secondary !== null && isAlive(key.secondary, now))
        return { fault: 'secondary_live' }
      const old =
        graceSeconds === 0 ? null : { ...key.primary, expiresAt: now + graceSeconds * 1000 }
      return { key: { ...key, primary: fresh, secondary: old, updatedAt: now } }
    }
  }
}

/** What remains of a key after its owner or one of its tenants is gone. */
export function withdrawn(
  key: ModelKey,
  gone: { readonly owner?: string; readonly tenant?: string },
  now: number,
): ModelKey {
  const { owner, tenant } = gone
  if (key.revokedAt !== null) return key
  if (owner !== undefined)
    return key.owner === owner ? { ...key, revokedAt: now, updatedAt: now } : key
  const { tenants } = key.scope
  if (tenant === undefined || tenants === '*' || !tenants.includes(tenant)) return key
  const others = tenants.filter((name) => name !== tenant)
  if (others.length === 0) return { ...key, revokedAt: now, updatedAt: now }
  return { ...key, scope: { ...key.scope, tenants: others }, updatedAt: now }
}

/** The slot in which a secret of that id is valid at this moment, or undefined. */
export function liveSlot(
  key: ModelKey | undefined,
  secretId: string,
  now: number,
): Slot | undefined {
  if (
    key === undefined ||
    key.revokedAt !== null ||
    !key.enabled ||
    (key.expiresAt !== null && now >= key.expiresAt)
  )
    return undefined
  return (['primary', 'secondary'] as const).find((slot) => {
    const held = key[slot]
    return held !== null && held.secret.id === secretId && isAlive(held, now)
  })
}

/** When a key with a lifetime of so many milliseconds expires. */
export function expiryOf(expiresIn: number | null, now: number): number | null {
  return expiresIn === null ? null : now + expiresIn
}

export function stateOf({ revokedAt, enabled }: ModelKey): ApiKey['state'] {
  if (revokedAt !== null) return 'revoked'
  return enabled ? 'enabled' : 'disabled'
}

/** What management must show of a key, except the last use of its secrets. */
export function expectedView(key: ModelKey) {
  const {
    id,
    name,
    owner,
    metadata,
    scope,
    createdAt,
    updatedAt,
    expiresAt,
    revokedAt,
    primary,
    secondary,
  } = key
  const slot = ({ secret, ...times }: ModelSlot) => ({
    id: secret.id,
    hint: secret.text.slice(-4),
    ...times,
  })
  return {
    ...{
      id,
      name,
      owner,
      metadata,
      scope: sorted(scope),
      state: stateOf(key),
      createdAt,
      updatedAt,
      expiresAt,
      revokedAt,
    },
    primary: slot(primary),
    secondary: secondary && slot(secondary),
  }
}

/** What management shows of a key, except the last use of its secrets. */
export function foundView(view: ApiKey) {
  const slot = ({ lastUsedAt: _, ...rest }: ApiKey['primary']) => ({ ...rest })
  return {
    ...view,
    scope: sorted(view.scope),
    primary: slot(view.primary),
    secondary: view.secondary && slot(view.secondary),
  }
}

function isAlive({ expiresAt }: ModelSlot, now: number): boolean {
  return expiresAt === null || now < expiresAt
}
