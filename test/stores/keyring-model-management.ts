import fc from 'fast-check'
import {
  type ApiKey,
  type CreateKeyInput,
  isTwinkeyError,
  type ListKeysInput,
  type Scope,
  type Twinkey,
} from 'twinkey'
import { expect } from 'vitest'
import {
  type Change,
  changed,
  expectedView,
  expiryOf,
  foundView,
  type ModelKey,
  type ModelSecret,
  renewedSlot,
  stateOf,
  withdrawn,
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

/** The outcome of a management call: the code of its error, or the key and the new secret. */
export interface Outcome {
  readonly fault?: string
  readonly view?: ApiKey | undefined
  readonly secret?: ModelSecret
}

export type Creation = Pick<CreateKeyInput, 'name' | 'metadata' | 'secondary'> & {
  readonly scope: Pick<Scope, 'tenants'> & Partial<Scope>
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
      const { name, metadata = {}, secondary = true, expiresIn } = creation
      const owner = creation.owner && `${model.run}-${creation.owner}`
      const scope = withTenants(creation.scope, model.run)
      const expiresAt = expiryOf(expiresIn, now)
      const { keys } = nodes.twinkeys[node] as Twinkey
      const made = await keys.create({
        name: `${model.run} ${name}`,
        owner,
        scope,
        expiresAt,
        metadata,
        secondary,
      })
      const { id } = made.key
      const slotOf = (secret: ModelSecret) => ({ secret, createdAt: now, expiresAt: null })
      const key: ModelKey = {
        ...{
          id,
          name: `${model.run} ${name}`,
          owner,
          metadata,
          expiresAt,
          revokedAt: null,
          enabled: true,
          createdAt: now,
          updatedAt: now,
        },
        scope: { environments: ['live', 'test'], workflows: '*', ...scope },
        primary: slotOf(learned(model, id, made.primary, made.key.primary.id)),
        secondary:
          made.secondary === null
            ? null
            : slotOf(learned(model, id, made.secondary, made.key.secondary?.id)),
      }
      expect(made.secondary !== null).toBe(secondary)
      expect(foundView(made.key)).toEqual(expectedView(key))
      model.keys.set(id, new Timeline<ModelKey | undefined>(key, now))
      count(model, 'create', 'done')
    },
    toString: () => `create(node ${node}, ${fc.stringify(creation)})`,
  }
}

/**
 * Updates, enables, disables, rotates, regenerates, revokes or deletes any key that ever existed.
 */
export function change(node: number, pick: number, how: Change): KeyringCommand {
  return {
    check: (model) => model.keys.size > 0,
    async run(model, nodes) {
      const id = pickKey(model, pick)
      const outcome = await outcomeOf(model, nodes.twinkeys[node] as Twinkey, id, how)
      const expected = changed(
        model.keys.get(id)?.latest,
        ofRun(model, how),
        outcome.secret ?? NEVER_MADE,
        model.clock.now(),
      )
      expect(shown(outcome)).toEqual(shownOf(expected))
      if ('key' in expected) hold(model, id, expected.key, node)
      count(model, how.kind, outcome.fault ?? 'done')
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
      expect(view && foundView(view)).toEqual(key && expectedView(key))
      if (view !== undefined) expectUses(model, view)
      count(model, 'get', view === undefined ? 'nothing' : 'a key')
    },
    toString: () => `get(node ${node}, key ${pick})`,
  }
}

/** Lists to the end, page by page. The backend may hold other keys, which do not count. */
export function list(
  node: number,
  filter: Pick<ListKeysInput, 'tenant' | 'owner' | 'state'>,
  limit: number,
): KeyringCommand {
  return {
    check: () => true,
    async run(model, nodes) {
      const tenant = filter.tenant && `${model.run}-${filter.tenant}`
      const owner = filter.owner && `${model.run}-${filter.owner}`
      const expected = [...model.keys.values()]
        .map(({ latest }) => latest)
        .filter((key) => key !== undefined)
      const asked = expected.filter(
        (key) =>
          (tenant === undefined ||
            (key.scope.tenants !== '*' && key.scope.tenants.includes(tenant))) &&
          (owner === undefined || key.owner === owner) &&
          (filter.state === undefined || stateOf(key) === filter.state),
      )
      const found: ApiKey[] = []
      let cursor: string | undefined
      let pages = 0
      do {
        const page = await nodes.twinkeys[node]?.keys.list({
          ...filter,
          tenant,
          owner,
          limit,
          cursor,
        })
        expect(page?.keys.length).toBeLessThanOrEqual(limit)
        found.push(...(page?.keys ?? []).filter(({ name }) => name.startsWith(`${model.run} `)))
        cursor = page?.next
        if (++pages > 10_000) throw new Error('the list has no end')
      } while (cursor !== undefined)
      const byId = <T extends { readonly id: string }>(keys: T[]) =>
        keys.sort((a, b) => (a.id < b.id ? -1 : 1))
      expect(byId(found.map(foundView))).toEqual(byId(asked.map(expectedView)))
      for (const view of found) expectUses(model, view)
      count(model, 'list', pages > 1 ? 'several pages' : 'one page')
    },
    toString: () => `list(node ${node}, ${fc.stringify(filter)}, by ${limit})`,
  }
}

/** Ends all keys of an owner or of a tenant. */
export function revokeAll(
  node: number,
  whose: { readonly owner: string } | { readonly tenant: string },
): KeyringCommand {
  return {
    check: (model) => model.keys.size > 0,
    async run(model, nodes) {
      const gone =
        'owner' in whose
          ? { owner: `${model.run}-${whose.owner}` }
          : { tenant: `${model.run}-${whose.tenant}` }
      const counts = { revoked: 0, narrowed: 0 }
      const found = await nodes.twinkeys[node]?.keys.revokeAll(gone)
      for (const [id, { latest: key }] of model.keys) {
        const after = key && withdrawn(key, gone, model.clock.now())
        if (after === key) continue
        counts[after?.revokedAt === null ? 'narrowed' : 'revoked']++
        hold(model, id, after, node)
      }
      expect(found).toEqual(counts)
      count(
        model,
        'revokeAll',
        `${counts.revoked > 0 ? 'revoked' : ''} ${counts.narrowed > 0 ? 'narrowed' : ''}`.trim() ||
          'nothing',
      )
    },
    toString: () => `revokeAll(node ${node}, ${fc.stringify(whose)})`,
  }
}

/** Makes a management call. */
export async function outcomeOf(
  model: KeyringModel,
  { keys }: Twinkey,
  id: string,
  how: Change,
): Promise<Outcome> {
  try {
    switch (how.kind) {
      case 'update': {
        const { kind: _, expiresIn, ...input } = ofRun(model, how)
        const expiresAt =
          expiresIn === undefined ? undefined : expiryOf(expiresIn, model.clock.now())
        return { view: await keys.update(id, { ...input, expiresAt }) }
      }
      case 'rotate':
      case 'regenerate': {
        const { graceSeconds, replace } = how.kind === 'rotate' ? how : {}
        const made = await (how.kind === 'rotate'
          ? keys.rotate(id, { graceSeconds, replace })
          : keys.renew(id, { slots: how.slot }))
        return {
          view: made.key,
          secret: learned(model, id, made.secret, made.key[renewedSlot(how) ?? 'primary']?.id),
        }
      }
      case 'delete':
        return { view: void (await keys.delete(id)) }
      default:
        return { view: await keys[how.kind](id) }
    }
  } catch (error) {
    if (!isTwinkeyError(error)) throw error
    return { fault: error.code }
  }
}

/** A change with the names of this run. */
export function ofRun<C extends Change>(model: KeyringModel, how: C): C {
  if (how.kind !== 'update') return how
  const { name, scope } = how
  return {
    ...how,
    name: name && `${model.run} ${name}`,
    scope: scope && withTenants(scope, model.run),
  }
}

/** The visible part of an outcome, in the form of {@link shownOf}. */
export function shown({ fault, view }: Outcome) {
  return fault === undefined ? { view: view && foundView(view) } : { fault }
}

export function shownOf(expected: ReturnType<typeof changed>) {
  return 'fault' in expected ? expected : { view: expected.key && expectedView(expected.key) }
}

/**
 * A change takes effect on its own node at once, and on other nodes when a feed reports it or when
 * they read again.
 */
export function hold(
  model: KeyringModel,
  id: string,
  key: ModelKey | undefined,
  node: number,
): void {
  const timeline = model.keys.get(id) as Timeline<ModelKey | undefined>
  timeline.become(key, model.clock.now())
  timeline.caughtUp(node, key)
  model.untold = true
}

/** Stands for the secret of a call that created none. */
export const NEVER_MADE: ModelSecret = { text: '', keyId: '', id: '' }

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

function expectUses(model: KeyringModel, { primary, secondary }: ApiKey): void {
  for (const { id, lastUsedAt } of [primary, ...(secondary === null ? [] : [secondary])])
    expect(
      isPossibleUse(model, id, lastUsedAt),
      `the last use ${lastUsedAt} of ${JSON.stringify(model.uses.get(id))}`,
    ).toBe(true)
}
