import type { ApiKey, SecretInfo, Slot } from '../base/model.ts'

const HOUR = 3_600_000
const MINUTE = 60_000

/**
 * How a secret is used:
 * - `used`: within the idle time
 * - `new`: created within the idle time, no use seen yet
 * - `idle`: no use seen within the idle time
 * - `ending`: it still works and ends at a set time
 * - `ended`: it no longer works
 */
export type Use = 'used' | 'new' | 'idle' | 'ending' | 'ended'

/**
 * The time without use after which a secret counts as idle, in milliseconds. A token of it lives one
 * hour at most, and a use may be seen a minute late.
 */
export function idleTime(idleAfterSeconds: number): number {
  return Math.max(idleAfterSeconds * 1000, HOUR + MINUTE)
}

/** Whether callers used the secret within the idle time. */
export function isInUse({ lastUsedAt }: SecretInfo, now: number, idleAfter: number): boolean {
  return lastUsedAt !== null && now - lastUsedAt < idleAfter
}

/** How a secret of a key is used. */
export function useOf(key: ApiKey, secret: SecretInfo, now: number, idleAfter: number): Use {
  if (secret.expiresAt !== null && secret.expiresAt <= now) return 'ended'
  // The primary ends with its key only: the expiry of the key says so.
  if (secret.expiresAt !== null && secret !== key.primary) return 'ending'
  if (isInUse(secret, now, idleAfter)) return 'used'
  return secret.lastUsedAt === null && now - secret.createdAt < idleAfter ? 'new' : 'idle'
}

/** Whether the key has two lasting secrets: then one can be renewed while the other works. */
export function hasPair({ secondary }: ApiKey): boolean {
  return secondary !== null && secondary.expiresAt === null
}

/** The share of the grace that is left, from 0 to 1. The grace began with the new primary. */
export function graceLeft({ primary, secondary }: ApiKey, now: number): number {
  if (secondary?.expiresAt == null) return 0
  const whole = secondary.expiresAt - primary.createdAt
  return whole > 0 ? Math.min(1, Math.max(0, (secondary.expiresAt - now) / whole)) : 0
}

/** Where a renewal stands. */
export interface Renewal {
  /** 1: move callers, 2: renew the idle secret. */
  readonly step: 1 | 2
  /** The secret to renew next. Undefined while both are in use. */
  readonly target: Slot | undefined
  /** The secret to which callers move: the new one. Undefined if neither is new. */
  readonly moveTo: Slot | undefined
}

/** Finds the next step of a key with two secrets. Prefers the secret that was idle the longest. */
export function renewalOf(key: ApiKey, now: number, idleAfter: number): Renewal {
  const secondary = key.secondary ?? key.primary
  const uses = {
    primary: useOf(key, key.primary, now, idleAfter),
    secondary: useOf(key, secondary, now, idleAfter),
  }
  const lastSign = (secret: SecretInfo) => secret.lastUsedAt ?? secret.createdAt
  const order: Slot[] =
    lastSign(key.primary) < lastSign(secondary)
      ? ['primary', 'secondary']
      : ['secondary', 'primary']
  const isNew = order.find((slot) => uses[slot] === 'new')
  const idle = order.find((slot) => uses[slot] === 'idle')
  if (idle !== undefined) return { step: 2, target: idle, moveTo: isNew }
  if (isNew === undefined) return { step: 1, target: undefined, moveTo: undefined }
  const other = isNew === 'primary' ? 'secondary' : 'primary'
  // Neither was ever used, so renewing one affects no caller.
  if (uses[other] === 'new') return { step: 2, target: 'secondary', moveTo: undefined }
  return { step: 1, target: undefined, moveTo: isNew }
}
