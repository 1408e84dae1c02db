import {
  freezeJson,
  type KeyRecord,
  type Metadata,
  regenerated,
  revoked,
  rotated,
  type StoredSecret,
  stateOf,
  switched,
  updated,
} from '../model/api-key.ts'
import { requireInput } from '../model/error.ts'
import type { KeyEvent } from '../model/events.ts'
import {
  type ActorOption,
  readActor,
  readRotateOptions,
  readUpdateInput,
} from '../model/key-input.ts'
import { type ApiKey, viewOf } from '../model/key-view.ts'
import { freezeScope } from '../model/scope.ts'
import type { Slot } from '../secrets/secret.ts'
import type { Keyring, RenewedKey } from './key-management.ts'
import { emitChange, type KeyringParts, newSecret } from './keyring-parts.ts'

/** The methods of a keyring that change one key. */
export function createKeyChanges<M extends Metadata>(
  parts: KeyringParts,
): Pick<Keyring<M>, 'update' | 'enable' | 'disable' | 'rotate' | 'regenerate' | 'revoke'> {
  const { now } = parts
  const { apply, renew } = createTransitions<M>(parts)
  return {
    async update(id, input) {
      const { apply: change, actor } = readUpdateInput(input, now())
      return apply('key.updated', id, { actor }, 'change', (key) => {
        const { name, scope, expiresAt, metadata } = change(key)
        return updated(
          key,
          { name, scope: freezeScope(scope), expiresAt, metadata: freezeJson(metadata) },
          now(),
        )
      })
    },
    async enable(id, options = {}) {
      const by = readActor(options)
      return apply('key.enabled', id, by, 'change', (key) =>
        stateOf(key) === 'enabled' ? key : switched(key, true, now()),
      )
    },
    async disable(id, options = {}) {
      const by = readActor(options)
      return apply('key.disabled', id, by, 'updateWithRetry', (key) =>
        stateOf(key) === 'disabled' ? key : switched(key, false, now()),
      )
    },
    async rotate(id, options = {}) {
      const { graceSeconds, replace, actor } = readRotateOptions(options)
      return renew('key.rotated', id, 'primary', { actor }, (key, fresh) =>
        rotated(key, fresh, { graceSeconds, replace }, now()),
      )
    },
    async regenerate(id, slot, options = {}) {
      const by = readActor(options)
      requireInput(
        slot === 'primary' || slot === 'secondary' ? undefined : "must be 'primary' or 'secondary'",
        'slot',
      )
      return renew('key.regenerated', id, slot, by, (key, fresh) =>
        regenerated(key, slot, fresh, now()),
      )
    },
    async revoke(id, options = {}) {
      const by = readActor(options)
      return apply('key.revoked', id, by, 'updateWithRetry', (key) =>
        key.revokedAt === null ? revoked(key, now()) : key,
      )
    },
  }
}

function createTransitions<M extends Metadata>(parts: KeyringParts) {
  const { writes } = parts

  // Changes a key and emits the event. A transition that returns the same record emits nothing.
  async function apply(
    type: KeyEvent['type'],
    id: string,
    options: ActorOption,
    how: 'change' | 'updateWithRetry',
    transition: (key: KeyRecord) => KeyRecord,
  ): Promise<ApiKey<M>> {
    let changes = false
    const next = await writes[how](id, (key) => {
      const after = transition(key)
      changes ||= after !== key
      return after
    })
    if (changes) emitChange(parts, type, next, options)
    return viewOf<M>(next)
  }

  // Changes a key with a new secret.
  async function renew(
    type: KeyEvent['type'],
    id: string,
    slot: Slot,
    options: ActorOption,
    transition: (key: KeyRecord, fresh: StoredSecret) => KeyRecord,
  ): Promise<RenewedKey<M>> {
    let secret = ''
    const next = await writes.change(id, (key) => {
      const fresh = newSecret(key.id, parts)
      secret = fresh.secret
      return transition(key, fresh.stored)
    })
    emitChange(parts, type, next, options, { slot })
    return { key: viewOf<M>(next), secret }
  }

  return { apply, renew }
}
