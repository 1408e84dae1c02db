import fc from 'fast-check'
import {
  type ApiKey,
  type CreateKeyInput,
  isTwinkeyError,
  type Scope,
  type Slot,
  type Twinkey,
} from 'twinkey'
import { expect } from 'vitest'
import { entryOf } from './keyring-model-entry.ts'
import {
  type BoundChange,
  type Change,
  type Changed,
  changed,
  expectedView,
  expiryOf,
  foundView,
  type Made,
  type ModelKey,
  type ModelSecret,
  renewedSlots,
} from './keyring-model-key.ts'
import { withTenants } from './keyring-model-requests.ts'
import {
  count,
  isPossibleUse,
  type KeyringCommand,
  type KeyringModel,
  pickKey,
} from './keyring-model-state.ts'
import { Timeline } from './keyring-model-timeline.ts'

/** The outcome of a management call: the code of its error, or the key and the new secrets. */
export interface Outcome {
  readonly fault?: string
  readonly view?: ApiKey | undefined
  readonly secrets?: Made['secrets']
}

export type Creation = Pick<
  CreateKeyInput,
  'name' | 'metadata' | 'secondary' | 'tokens' | 'actor'
> & {
  readonly scope: Pick<Scope, 'tenants' | 'workflows'> & Partial<Scope>
  readonly owner: string | null
  readonly expiresIn: number | null
}

export function create(node: number, creation: Creation): KeyringCommand {
  return {
    check: (model) =>
      model.keys.size < 20 &&
      [...model.keys.values()].filter(({ latest }) => latest?.revokedAt === null).length < 7,
    async run(model, nodes) {
      const now = model.clock.now()
      const { metadata = {}, secondary = true, tokens = true, actor, expiresIn } = creation
      const attributes = {
        name: `${model.run} ${creation.name}`,
        owner: creation.owner && `${model.run}-${creation.owner}`,
        expiresAt: expiryOf(expiresIn, now),
        ...{ metadata, tokens },
      }
      const scope = withTenants(creation.scope, model.run)
      const { keys } = nodes.twinkeys[node] as Twinkey
      const call = keys.create({ ...attributes, scope, secondary, actor })
      if (Object.values(scope).some((reach) => reach.length === 0)) {
        await expect(call).rejects.toMatchObject({ code: 'invalid_input' })
        count(model, 'create', 'invalid_input')
        return
      }
      const made = await call
      const { id, version } = made.key
      const slotOf = (secret: ModelSecret) => ({ secret, createdAt: now, expiresAt: null })
      const key: ModelKey = {
        ...{ id, version, ...attributes, createdAt: now, updatedAt: now },
        ...{ limits: null, networks: null, revokedAt: null, disabledBy: null },
        scope: { environments: ['live', 'test'], ...scope },
        primary: slotOf(learned(model, id, made.primary, made.key.primary.id)),
        secondary:
          made.secondary === null
            ? null
            : slotOf(learned(model, id, made.secondary, made.key.secondary?.id)),
      }
      expect(made.secondary !== null).toBe(secondary)
      expect(foundView(made.key)).toEqual(expectedView(key, now))
      model.keys.set(id, new Timeline<ModelKey | undefined>(key, now))
      model.entries.push(entryOf('key.created', key, now, actor ?? null))
      count(model, 'create', 'done')
    },
    toString: () => `create(node ${node}, ${fc.stringify(creation)})`,
  }
}

/** Changes any key that ever existed. */
export function change(node: number, pick: number, how: Change): KeyringCommand {
  return {
    check: (model) => model.keys.size > 0,
    async run(model, nodes) {
      const id = pickKey(model, pick)
      const bound = bind(model, id, how)
      const outcome = await outcomeOf(model, nodes.twinkeys[node] as Twinkey, id, bound)
      const now = model.clock.now()
      const expected = changed(model.keys.get(id)?.latest, bound, madeBy(outcome), now)
      expect(shown(outcome)).toEqual(shownOf(expected, now))
      if ('key' in expected) hold(model, id, expected, node)
      const base = how.base === undefined ? '' : `, expecting the ${how.base} version`
      count(model, how.kind, outcome.fault ?? `done${base}`)
    },
    toString: () => `change(node ${node}, key ${pick}, ${fc.stringify(how)})`,
  }
}

export function get(node: number, pick: number): KeyringCommand {
  return {
    check: (model) => model.keys.size > 0,
    async run(model, nodes) {
      const id = pickKey(model, pick)
      const key = model.keys.get(id)?.latest
      const view = await nodes.twinkeys[node]?.keys.get(id)
      expect(view && foundView(view)).toEqual(key && expectedView(key, model.clock.now()))
      if (view !== undefined) expectUses(model, view)
      count(model, 'get', view === undefined ? 'nothing' : 'a key')
    },
    toString: () => `get(node ${node}, key ${pick})`,
  }
}

/** Makes a management call. */
export async function outcomeOf(
  model: KeyringModel,
  { keys }: Twinkey,
  id: string,
  how: BoundChange,
): Promise<Outcome> {
  const { actor, expectedVersion } = how
  const options = { actor, expectedVersion }
  try {
    switch (how.kind) {
      case 'update': {
        const { kind: _, base: __, expiresIn, ...input } = how
        const expiresAt =
          expiresIn === undefined ? undefined : expiryOf(expiresIn, model.clock.now())
        return { view: await keys.update(id, { ...input, expiresAt }) }
      }
      case 'rotate':
      case 'renew': {
        const made: { key: ApiKey } & Record<Slot, string | null> = await (how.kind === 'rotate'
          ? keys.rotate(id, { graceSeconds: how.graceSeconds, replace: how.replace, ...options })
          : keys.renew(id, { slots: how.slots, ...options }))
        const secrets = (['primary', 'secondary'] as const).flatMap((slot) => {
          const text = made[slot]
          return text === null ? [] : [[slot, learned(model, id, text, made.key[slot]?.id)]]
        })
        expect(secrets.map(([slot]) => slot)).toEqual(renewedSlots(how))
        return { view: made.key, secrets: Object.fromEntries(secrets) }
      }
      case 'delete':
        return { view: void (await keys.delete(id, options)) }
      default:
        return { view: await keys[how.kind](id, options) }
    }
  } catch (error) {
    if (!isTwinkeyError(error)) throw error
    return { fault: error.code }
  }
}

/** A change with the names of this run, and the version that it expects of this key. */
export function bind(model: KeyringModel, id: string, how: Change): BoundChange {
  const timeline = model.keys.get(id)
  const current = timeline?.latest?.version ?? 1
  const stale = timeline?.before?.version ?? current - 1
  const expectedVersion = how.base && (how.base === 'current' ? current : stale)
  if (how.kind !== 'update') return { ...how, expectedVersion }
  const { name, scope } = how
  return {
    ...how,
    expectedVersion,
    name: name && `${model.run} ${name}`,
    scope: scope && withTenants(scope, model.run),
  }
}

/** What a call answered that no model can know before. */
export function madeBy({ view, secrets = {} }: Outcome): Made {
  return { secrets, version: view?.version }
}

/** The visible part of an outcome, in the form of {@link shownOf}. */
export function shown({ fault, view }: Outcome) {
  return fault === undefined ? { view: view && foundView(view) } : { fault }
}

export function shownOf(expected: Changed, now: number) {
  return 'fault' in expected ? expected : { view: expected.key && expectedView(expected.key, now) }
}

/**
 * A change takes effect on its own node at once, and on other nodes when a feed reports it or when
 * they read again. Its entry is in the history at once.
 */
export function hold(
  model: KeyringModel,
  id: string,
  { key, entry }: Exclude<Changed, { readonly fault: unknown }>,
  node: number,
): void {
  const timeline = model.keys.get(id) as Timeline<ModelKey | undefined>
  timeline.become(key, model.clock.now())
  timeline.caughtUp(node, key)
  if (entry !== undefined) model.entries.push(entry)
  model.untold = true
}

function learned(
  model: KeyringModel,
  keyId: string,
  text: string,
  id: string | undefined,
): ModelSecret {
  const secret = { text, keyId, id: id ?? '' }
  expect(model.secrets.map((known) => known.id)).not.toContain(id)
  expect(model.secrets.map((known) => known.text)).not.toContain(text)
  model.secrets.push(secret)
  return secret
}

/** Checks the shown last uses of a key. */
export function expectUses(model: KeyringModel, view: ApiKey): void {
  const slots = [view.primary, ...(view.secondary === null ? [] : [view.secondary])]
  for (const { id, lastUsedAt } of slots)
    expect(
      isPossibleUse(model, id, lastUsedAt),
      `the last use ${lastUsedAt} of ${JSON.stringify(model.uses.get(id))}`,
    ).toBe(true)
  const latest = Math.max(...slots.map(({ lastUsedAt }) => lastUsedAt ?? 0))
  expect(view.lastUsedAt ?? 0).toBe(latest)
}
