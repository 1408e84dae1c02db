import type fc from 'fast-check'
import type { Scope, Slot } from 'twinkey'
import type { TestClock } from 'twinkey/testing'
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

/** What several nodes over one store are said to do: keys, owners, and what was issued. */
export interface KeyringModel {
  /** What the names of this run begin with, so that runs on one backend do not meet. */
  readonly run: string
  readonly clock: TestClock
  readonly keys: Map<string, Timeline<ModelKey | undefined>>
  /** What each owner may reach; undefined where the owner is gone. */
  readonly owners: Map<string, Timeline<Scope | undefined>>
  readonly secrets: ModelSecret[]
  readonly tokens: ModelToken[]
  /** When each secret was last used for certain, and at the latest, by secret id. */
  readonly uses: Map<string, { certain: number | null; latest: number }>
  /** Whether nodes with a feed have yet to hear of something. */
  untold: boolean
  /** How often each command came out how, over all runs. */
  readonly tally: Map<string, number>
}

/** A command, as fast-check generates them. */
export type KeyringCommand = fc.AsyncCommand<KeyringModel, Nodes>

/**
 * Who a secret or a token turns out to be: its key, and what it reaches, or undefined where it is
 * refused.
 */
export type Holder =
  | { readonly key: ModelKey; readonly slot: Slot; readonly scope: Scope }
  | undefined

export const MAX_AGE_SECONDS = 5
const MAX_AGE = MAX_AGE_SECONDS * 1000
// An owner who is gone is asked for again after a second.
const MAX_AGE_GONE = 1000
// About a minute: a last use is written down once a minute, told by whole seconds.
const USE_LAG = 61_000

/**
 * Everybody that a credential may be on a node at this moment, for any state of key and owner that
 * the node may go by.
 */
export function possibleHolders(
  model: KeyringModel,
  node: number,
  credential: ModelSecret | ModelToken,
): Holder[] {
  const secret = 'secret' in credential ? credential.secret : credential
  const now = model.clock.now()
  // Nobody is refused by what was known before, but by the refusal itself for a second.
  const maxAge = (key: ModelKey | undefined) =>
    liveSlot(key, secret.id, now) === undefined ? MAX_AGE_GONE : MAX_AGE
  const keys = model.keys.get(secret.keyId)?.possible(node, now, maxAge) ?? [undefined]
  return holdersAmong(model, node, credential, keys)
}

/** Everybody that a credential may be on a node at this moment, where its key is one of these. */
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

/** When a credential dies, if it does: with its key, its slot or its token. */
export function endOf(
  model: Readonly<KeyringModel>,
  credential: ModelSecret | ModelToken,
): number | undefined {
  const [secret, token] =
    'secret' in credential ? [credential.secret, credential] : [credential, undefined]
  const key = model.keys.get(secret.keyId)?.latest
  const slot = [key?.primary, key?.secondary].find((held) => held?.secret.id === secret.id)
  if (key?.revokedAt !== null || !key.enabled || slot === undefined) return undefined
  const ends = [key.expiresAt, slot?.expiresAt, token?.expiresAt].filter(
    (end) => typeof end === 'number',
  )
  return ends.length === 0 ? undefined : Math.min(...ends)
}

/**
 * When every node must have seen what was last changed about a credential: its key or its owner.
 */
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

// None, as an empty list, for a key without an owner.
function possibleCeilings(model: KeyringModel, node: number, owner: string | null): Scope[][] {
  if (owner === null) return [[]]
  const known = model.owners
    .get(owner)
    ?.possible(node, model.clock.now(), (scope) => (scope === undefined ? MAX_AGE_GONE : MAX_AGE))
  return (known ?? [undefined]).map((scope) => [scope ?? NOTHING])
}

/** Notes that a secret was used at this moment, or may have been. */
export function used(model: KeyringModel, secret: ModelSecret, how: 'certainly' | 'perhaps'): void {
  const now = model.clock.now()
  const before = model.uses.get(secret.id)
  model.uses.set(secret.id, {
    certain: how === 'certainly' ? now : (before?.certain ?? null),
    latest: now,
  })
}

/** Whether a last use that is shown is one that may be shown: at most about a minute behind. */
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

/**
 * The id of a key that may have been deleted since, by a number that commands are generated with.
 */
export function pickKey(model: KeyringModel, pick: number): string {
  return pickOf([...model.keys.keys()], pick)
}

/** One of a list, by a number from 0 to 1000: the later it came, the likelier. */
export function pickOf<T>(list: readonly T[], pick: number): T {
  return list[list.length - 1 - Math.floor(list.length * (pick / 1001) ** 2)] as T
}

/** Makes sure that what a node may go by is known: a node with a feed has heard of everything. */
export async function heard(model: KeyringModel, nodes: Nodes): Promise<void> {
  if (!model.untold) return
  await nodes.heardAll()
  model.untold = false
  for (let node = 0; node < NODES; node++) {
    if (nodes.hears(node)) for (const key of model.keys.values()) key.caughtUp(node)
  }
}

/** Counts how a command came out. */
export function count(model: KeyringModel, command: string, outcome: string): void {
  const what = `${command}: ${outcome}`
  model.tally.set(what, (model.tally.get(what) ?? 0) + 1)
}
