import type fc from 'fast-check'
import type { HistoryEntry, Scope, Slot } from 'twinkey'
import type { TestClock } from 'twinkey/testing'
import type { ModelEntry } from './keyring-model-entry.ts'
import { liveSlot, type ModelKey, type ModelSecret } from './keyring-model-key.ts'
import { NODES, type Nodes } from './keyring-model-nodes.ts'
import { common, NOTHING } from './keyring-model-scope.ts'
import type { Timeline } from './keyring-model-timeline.ts'

export interface ModelToken {
  readonly text: string
  readonly secret: ModelSecret
  readonly scope: Scope
  readonly expiresAt: number
}

/** What the model expects of several nodes over one store: keys, owners, and issued credentials. */
export interface KeyringModel {
  /** The prefix of all names of this run, so that runs on one backend do not meet. */
  readonly run: string
  readonly clock: TestClock
  readonly keys: Map<string, Timeline<ModelKey | undefined>>
  /** The scope of each owner. Undefined if the owner is gone. */
  readonly owners: Map<string, Timeline<Scope | undefined>>
  readonly secrets: ModelSecret[]
  readonly tokens: ModelToken[]
  /** The earliest and the latest possible time of each secret's last use, by secret id. */
  readonly uses: Map<string, { certain: number | null; latest: number }>
  /** What the history must have, in the order of the changes. */
  entries: ModelEntry[]
  /** The ids of all entries that the history ever had, and of those that were forgotten. */
  readonly ids: Set<string>
  readonly forgotten: Set<string>
  /** A consumer of the history: where it goes on, and what it has seen so far. */
  readonly consumer: { after: string | number; readonly seen: Map<string, HistoryEntry> }
  /** Whether nodes with a feed still have changes to receive. */
  untold: boolean
  /** How often each command had each outcome, over all runs. */
  readonly tally: Map<string, number>
}

/** A command, as fast-check generates them. */
export type KeyringCommand = fc.AsyncCommand<KeyringModel, Nodes>

/** The identity of a secret or a token: its key and its scope, or undefined if it is refused. */
export type Holder =
  | { readonly key: ModelKey; readonly slot: Slot; readonly scope: Scope }
  | undefined

export const MAX_AGE_SECONDS = 5
const MAX_AGE = MAX_AGE_SECONDS * 1000
// An owner that is gone is looked up again after a second.
const MAX_AGE_GONE = 1000
// About a minute: a last use is written once a minute, in whole seconds.
const USE_LAG = 61_000

/**
 * Every identity that a credential may have on a node at this moment, for any state of key and
 * owner that the node may use.
 */
export function possibleHolders(
  model: KeyringModel,
  node: number,
  credential: ModelSecret | ModelToken,
): Holder[] {
  const secret = 'secret' in credential ? credential.secret : credential
  const now = model.clock.now()
  // A node never refuses based on an older record, but it may repeat a refusal for a second.
  const maxAge = (key: ModelKey | undefined) =>
    liveSlot(key, secret.id, now) === undefined ? MAX_AGE_GONE : MAX_AGE
  const keys = model.keys.get(secret.keyId)?.possible(node, now, maxAge) ?? [undefined]
  return holdersAmong(model, node, credential, keys)
}

/**
 * Every identity that a credential may have on a node at this moment, if its key is one of these.
 */
export function holdersAmong(
  model: KeyringModel,
  node: number,
  credential: ModelSecret | ModelToken,
  keys: readonly (ModelKey | undefined)[],
): Holder[] {
  const now = model.clock.now()
  const [secret, token] =
    'secret' in credential ? [credential.secret, credential] : [credential, undefined]
  if (token !== undefined && now >= token.expiresAt) return [undefined]
  return keys.flatMap((key): Holder[] => {
    const slot = liveSlot(key, secret.id, now)
    if (key === undefined || slot === undefined) return [undefined]
    return possibleCeilings(model, node, key.owner).map((ceiling) => {
      const scopes = [key.scope, ...(token === undefined ? [] : [token.scope]), ...ceiling]
      return { key, slot, scope: common(...scopes) }
    })
  })
}

/** When a credential expires, if it does: with its key, its slot or its token. */
export function endOf(
  model: Readonly<KeyringModel>,
  credential: ModelSecret | ModelToken,
): number | undefined {
  const [secret, token] =
    'secret' in credential ? [credential.secret, credential] : [credential, undefined]
  const key = model.keys.get(secret.keyId)?.latest
  const slot = [key?.primary, key?.secondary].find((held) => held?.secret.id === secret.id)
  if (key?.revokedAt !== null || key.disabledBy !== null || slot === undefined) return undefined
  const ends = [key.expiresAt, slot?.expiresAt, token?.expiresAt].filter(
    (end) => typeof end === 'number',
  )
  return ends.length === 0 ? undefined : Math.min(...ends)
}

/** When every node must have seen the latest change of a credential's key or owner. */
export function seenBy(
  model: Readonly<KeyringModel>,
  credential: ModelSecret | ModelToken,
): number | undefined {
  const key = model.keys.get('secret' in credential ? credential.secret.keyId : credential.keyId)
  const owner = model.owners.get(key?.latest?.owner ?? '')
  const ends = [
    key && key.changedAt + MAX_AGE,
    owner && owner.changedAt + (owner.before === undefined ? MAX_AGE_GONE : MAX_AGE),
  ]
  const open = ends.filter((end) => end !== undefined && end > model.clock.now())
  return open.length === 0 ? undefined : Math.min(...(open as number[]))
}

// A key without an owner has an empty list of owner scopes.
function possibleCeilings(model: KeyringModel, node: number, owner: string | null): Scope[][] {
  if (owner === null) return [[]]
  const known = model.owners
    .get(owner)
    ?.possible(node, model.clock.now(), (scope) => (scope === undefined ? MAX_AGE_GONE : MAX_AGE))
  return (known ?? [undefined]).map((scope) => [scope ?? NOTHING])
}

/** Records that a secret was used at this moment, or may have been. */
export function used(model: KeyringModel, secret: ModelSecret, how: 'certainly' | 'perhaps'): void {
  const now = model.clock.now()
  const before = model.uses.get(secret.id)
  model.uses.set(secret.id, {
    certain: how === 'certainly' ? now : (before?.certain ?? null),
    latest: now,
  })
}

/** Whether management may show this last use: it is at most about a minute old. */
export function isPossibleUse(
  model: KeyringModel,
  secretId: string,
  shown: number | null,
): boolean {
  const use = model.uses.get(secretId)
  if (shown === null) return use === undefined || use.certain === null
  return (
    use !== undefined &&
    shown <= use.latest &&
    shown > (use.certain ?? Number.NEGATIVE_INFINITY) - USE_LAG
  )
}

/** The id of a key, possibly deleted, by a number that commands are generated with. */
export function pickKey(model: KeyringModel, pick: number): string {
  return pickOf([...model.keys.keys()], pick)
}

/** One member of a list, by a number from 0 to 1000. Later members are likelier. */
export function pickOf<T>(list: readonly T[], pick: number): T {
  return list[list.length - 1 - Math.floor(list.length * (pick / 1001) ** 2)] as T
}

/**
 * Waits until each node with a feed has received everything, so that its possible states are known.
 */
export async function heard(model: KeyringModel, nodes: Nodes): Promise<void> {
  if (!model.untold) return
  await nodes.heardAll()
  model.untold = false
  for (let node = 0; node < NODES; node++) {
    if (nodes.hears(node)) for (const key of model.keys.values()) key.caughtUp(node)
  }
}

/** Counts the outcome of a command. */
export function count(model: KeyringModel, command: string, outcome: string): void {
  const what = `${command}: ${outcome}`
  model.tally.set(what, (model.tally.get(what) ?? 0) + 1)
}
