import { freezeJson, type KeyRecord, type Metadata, type StoredSecret } from '../model/api-key.ts'
import type { ChangeType } from '../model/history.ts'
import {
  type ChangeOptions,
  type RenewSlots,
  readChangeOptions,
  readRenewOptions,
  readRotateOptions,
  readUpdateInput,
} from '../model/key-input.ts'
import type { ApiKey } from '../model/key-view.ts'
import { freezeScope } from '../model/scope.ts'
import {
  disabled,
  enabled,
  renewed,
  revoked,
  rotated,
  updated,
  withoutSecondary,
} from '../model/transitions.ts'
import type { Slot } from '../secrets/secret.ts'
import {
  actorOf,
  disablerOf,
  requireGrantable,
  requireMayEnable,
  requireRight,
  shownKey,
} from './authority.ts'
import type { Keyring, RenewedKey } from './key-management.ts'
import { requireLife, requireNoSecond } from './key-policy.ts'
import {
  type Basis,
  checkOf,
  differences,
  type EntryDetails,
  entryOf,
  type KeyringParts,
  newSecret,
  requireLimiter,
} from './keyring-parts.ts'
import { isSame, requireChangedRestrictions } from './restrictions.ts'
import { renameKey } from './unique-names.ts'

type Changes<M extends Metadata> = Pick<
  Keyring<M>,
  'update' | 'enable' | 'disable' | 'rotate' | 'renew' | 'endSecondary' | 'revoke'
>

/** The methods of a keyring that change one key. */
export function createKeyChanges<M extends Metadata>(parts: KeyringParts): Changes<M> {
  const { authority, now } = parts
  const apply = createApply<M>(parts)
  const renew = createRenewal<M>(parts, apply)
  return {
    async update(id, input) {
      requireRight(authority, 'update')
      const { apply: change, ...options } = readUpdateInput(input, now())
      const next = (key: KeyRecord) => {
        const { scope, metadata, ...rest } = change(key)
        if (!isSame(rest.limits, key.limits)) requireLimiter(parts, rest.limits)
        if (rest.expiresAt !== key.expiresAt) requireLife(authority.policy, rest.expiresAt, now())
        requireChangedRestrictions(authority, key, rest)
        const frozen = { scope: freezeScope(scope), metadata: freezeJson(metadata) }
        return updated(key, { ...rest, ...frozen }, now())
      }
      return renameKey(parts, id, options, next, (seen) =>
        apply('key.updated', id, seen, 'change', next, (after, before) => ({
          changes: differences(before, after),
        })),
      )
    },
    async enable(id, options = {}) {
      requireRight(authority, 'enable')
      return apply('key.enabled', id, readChangeOptions(options), 'change', (key) => {
        requireMayEnable(authority, key)
        return enabled(key, now())
      })
    },
    async disable(id, options = {}) {
      requireRight(authority, 'disable')
      const read = readChangeOptions(options)
      const by = { ...disablerOf(authority), actor: actorOf(authority, read) }
      return apply('key.disabled', id, read, 'updateWithRetry', (key) => disabled(key, by, now()))
    },
    async rotate(id, options = {}) {
      requireRight(authority, 'renew')
      const { graceSeconds, replace, ...read } = readRotateOptions(options)
      return renew('key.rotated', id, 'primary', read, (key, { primary }) =>
        rotated(key, primary as StoredSecret, { graceSeconds, replace }, now()),
      )
    },
    async renew(id, options) {
      requireRight(authority, 'renew')
      const { slots, ...read } = readRenewOptions(options)
      return renew('key.renewed', id, slots as typeof options.slots, read, (key, secrets) =>
        renewed(key, secrets, now()),
      )
    },
    async endSecondary(id, options = {}) {
      requireRight(authority, 'endSecondary')
      return apply('key.secondary_ended', id, readChangeOptions(options), 'change', (key) =>
        withoutSecondary(key, now()),
      )
    },
    async revoke(id, options = {}) {
      requireRight(authority, 'revoke')
      return apply('key.revoked', id, readChangeOptions(options), 'updateWithRetry', (key) =>
        revoked(key, now()),
      )
    },
  }
}

// A key may be ended by a keyring that could not grant what it reaches.
const ENDING: readonly ChangeType[] = ['key.disabled', 'key.revoked', 'key.secondary_ended']

type Apply<M extends Metadata> = (
  type: ChangeType,
  id: string,
  options: Basis,
  how: 'change' | 'updateWithRetry',
  transition: (key: KeyRecord) => KeyRecord,
  details?: (after: KeyRecord, before: KeyRecord) => EntryDetails,
) => Promise<ApiKey<M>>

// Changes a key and emits the entry. A transition that returns the same record emits nothing.
function createApply<M extends Metadata>(parts: KeyringParts): Apply<M> {
  const { writes, authority, emit, now } = parts
  return async (type, id, options, how, transition, details) => {
    const { key, entry } = await writes[how](id, {
      check: checkOf(parts, options),
      transition(before) {
        const after = transition(before)
        if (!ENDING.includes(type)) requireGrantable(authority, after)
        requireNoSecond(authority.policy, before, after)
        return after
      },
      entry: (after, before) =>
        entryOf(parts, type, after, after.updatedAt, options, details?.(after, before)),
    })
    if (entry !== undefined) emit?.(entry)
    return shownKey<M>(authority, key, now())
  }
}

// Changes a key with new secrets.
function createRenewal<M extends Metadata>(parts: KeyringParts, apply: Apply<M>) {
  return async <S extends RenewSlots>(
    type: ChangeType,
    id: string,
    which: S,
    options: ChangeOptions,
    transition: (key: KeyRecord, secrets: { [slot in Slot]?: StoredSecret }) => KeyRecord,
  ): Promise<RenewedKey<M, S>> => {
    const slots: readonly Slot[] = which === 'both' ? ['primary', 'secondary'] : [which as Slot]
    let texts: { [slot in Slot]?: string } = {}
    const key = await apply(
      type,
      id,
      options,
      'change',
      (before) => {
        const fresh = slots.map((slot) => [slot, newSecret(before.id, parts)] as const)
        texts = Object.fromEntries(fresh.map(([slot, { secret }]) => [slot, secret]))
        return transition(
          before,
          Object.fromEntries(fresh.map(([slot, { stored }]) => [slot, stored])),
        )
      },
      () => ({ slots }),
    )
    const { primary = null, secondary = null } = texts
    return { key, primary, secondary } as RenewedKey<M, S>
  }
}
