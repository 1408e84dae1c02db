import type { KeyRecord, StoredSecret } from '../model/api-key.ts'
import type { Emit, KeyEvent } from '../model/events.ts'
import type { ActorOption } from '../model/key-input.ts'
import type { Scope } from '../model/scope.ts'
import { digestSecret } from '../secrets/digest.ts'
import { hintOf, mintId, mintSecret } from '../secrets/secret.ts'
import type { CheckedStore } from '../store/checked-store.ts'
import type { ImportRules } from './key-import.ts'
import type { KeyWrites } from './key-writes.ts'

/** What a keyring needs. */
export interface KeyringParts {
  readonly store: CheckedStore
  readonly writes: KeyWrites
  /** New secrets use the first prefix and the current pepper. */
  readonly rules: ImportRules
  /** Environments and workflows of keys that are created without them. */
  readonly defaultScope: Omit<Scope, 'tenants'>
  readonly emit: Emit | undefined
  readonly now: () => number
}

/** Emits the event of a completed change. */
export function emitChange(
  { emit, now }: KeyringParts,
  type: KeyEvent['type'],
  { id, name, owner }: KeyRecord,
  { actor }: ActorOption,
  more?: Pick<KeyEvent, 'slot'>,
): void {
  emit?.({ type, at: now(), keyId: id, name, owner, actor: actor ?? null, ...more })
}

/** Generates a secret for a key, with the record to store for it. */
export function newSecret(
  keyId: string,
  { rules, now }: KeyringParts,
): { secret: string; stored: StoredSecret } {
  const secret = mintSecret(rules.prefixes[0] as string, keyId)
  const stored = {
    id: mintId(),
    digest: digestSecret(secret, rules.pepper),
    hint: hintOf(secret),
    createdAt: now(),
    expiresAt: null,
  }
  return { secret, stored }
}
