import type { HistoryEntry, KeyringLimits, Scope } from 'twinkey'
import type { KeyRecord } from 'twinkey/store'

/** Lists of networks. Each lies within the next one. */
export const NETWORKS = [['192.0.2.7/32'], ['192.0.2.0/24'], ['192.0.0.0/16'], null] as const

/** @throws What a write by a limited keyring breaks. */
export function judge(
  limits: KeyringLimits,
  before: KeyRecord | undefined,
  next: KeyRecord | undefined,
  { type, actor }: HistoryEntry,
): void {
  const { owner, tenants, grantable } = limits
  const shown = `${actor} ${type}`
  judgeRestrictions(limits, before, next, shown)
  for (const key of [before, next]) {
    if (key === undefined) continue
    if (owner !== undefined && key.owner !== owner) throw new Error(`${shown}: of ${key.owner}`)
  }
  const seen = before ?? next
  if (tenants !== undefined && !within(seen?.scope.tenants ?? [], tenants))
    throw new Error(`${shown}: a key of the tenants ${seen?.scope.tenants}`)
  const ending = ['key.disabled', 'key.revoked', 'key.secondary_ended', 'key.deleted']
  const isNarrowed =
    type === 'key.updated' &&
    before !== undefined &&
    next !== undefined &&
    SCOPE.every((axis) => within(next.scope[axis], before.scope[axis]))
  if (next !== undefined && !ending.includes(type) && !isNarrowed)
    for (const axis of SCOPE)
      if (!within(next.scope[axis], (grantable as Scope)[axis]))
        throw new Error(`${shown}: granted ${axis} ${next.scope[axis]}`)
  const byOperator = before?.disabledBy?.actor?.startsWith('operator') ?? false
  if (byOperator && next !== undefined && next.revokedAt === null && next.disabledBy === null)
    throw new Error(`${shown}: enabled what the operator disabled`)
  if (before?.revokedAt != null && next?.revokedAt === null)
    throw new Error(`${shown}: ended a revocation`)
}

function judgeRestrictions(
  { policy }: KeyringLimits,
  before: KeyRecord | undefined,
  next: KeyRecord | undefined,
  shown: string,
): void {
  if (next === undefined) return
  const written = (value: unknown) => JSON.stringify(value)
  if (written(next.limits) !== written(before?.limits ?? null))
    throw new Error(`${shown}: gave the limits ${written(next.limits)}`)
  // The place in NETWORKS tells which list lies within which.
  const size = (of: unknown) => NETWORKS.findIndex((each) => written(each) === written(of))
  const isSame = written(next.networks) === written(before?.networks)
  const widest = policy?.networks ?? before?.networks ?? null
  if (!isSame && size(next.networks) > size(widest))
    throw new Error(`${shown}: gave the networks ${next.networks} instead of ${widest}`)
  const hasRestrictions = (before?.limits?.length ?? 0) > 0 || (before?.networks ?? null) !== null
  if (before?.tokens === false && next.tokens && hasRestrictions)
    throw new Error(`${shown}: allowed tokens of a key with limits or networks`)
  if (next.expiresAt === null) throw new Error(`${shown}: without an expiry`)
}

const SCOPE = ['tenants', 'environments', 'workflows'] as const

function within(names: '*' | readonly string[], reach: '*' | readonly string[]): boolean {
  return reach === '*' || (names !== '*' && names.every((name) => reach.includes(name)))
}
