import fc from 'fast-check'
import type { ApiKey, ListKeysInput, Twinkey } from 'twinkey'
import { expect } from 'vitest'
import { expectedView, foundView, type ModelKey, stateOf, withdrawn } from './keyring-model-key.ts'
import { expectUses, hold } from './keyring-model-management.ts'
import type { Nodes } from './keyring-model-nodes.ts'
import { count, type KeyringCommand, type KeyringModel, pickOf } from './keyring-model-state.ts'

/** Filters and order of a list. Times are relative, and secrets are picked. */
export type Listing = Pick<ListKeysInput, 'tenant' | 'owner' | 'state' | 'sort'> & {
  /** The beginning of the name of a key. */
  readonly name?: string
  /** The secret whose hint to look for. */
  readonly secret?: number
  readonly expiresWithin?: number
  readonly unusedFor?: number
}

/** Lists to the end, page by page. The backend may hold other keys, which do not count. */
export function list(node: number, listing: Listing, limit: number): KeyringCommand {
  return {
    check: () => true,
    async run(model, nodes) {
      const query = queryOf(model, listing)
      const expected = await expectedKeys(model, nodes, query)
      const { keys } = nodes.twinkeys[node] as Twinkey
      const found: ApiKey[] = []
      let cursor: string | undefined
      let pages = 0
      do {
        const page = await keys.list({ ...query, limit, cursor })
        expect(page.keys.length).toBeLessThanOrEqual(limit)
        found.push(...page.keys.filter(({ name }) => name.startsWith(`${model.run} `)))
        cursor = page.nextCursor
        if (++pages > 10_000) throw new Error('the list has no end')
      } while (cursor !== undefined)
      const now = model.clock.now()
      expect(found.map(foundView)).toEqual(expected.map((key) => expectedView(key, now)))
      for (const view of found) expectUses(model, view)
      count(model, 'list', pages > 1 ? 'several pages' : 'one page')
      for (const member of Object.keys(listing))
        if (found.length > 0) count(model, 'list by', member)
    },
    toString: () => `list(node ${node}, ${fc.stringify(listing)}, by ${limit})`,
  }
}

function queryOf(
  model: KeyringModel,
  { tenant, owner, name, secret, expiresWithin, unusedFor, ...rest }: Listing,
) {
  const now = model.clock.now()
  const picked = secret === undefined || model.secrets.length === 0 ? undefined : secret
  return {
    ...rest,
    tenant: tenant && `${model.run}-${tenant}`,
    owner: owner && `${model.run}-${owner}`,
    name: name === undefined ? undefined : `${model.run} ${name}`,
    hint: picked === undefined ? undefined : pickOf(model.secrets, picked).text.slice(-4),
    expiresBefore: expiresWithin === undefined ? undefined : now + expiresWithin,
    unusedSince: unusedFor === undefined ? undefined : now - unusedFor,
  }
}

// The keys that a list must have, in its order.
async function expectedKeys(
  model: KeyringModel,
  nodes: Nodes,
  query: ReturnType<typeof queryOf>,
): Promise<ModelKey[]> {
  const { tenant, owner, state, name, hint, expiresBefore, unusedSince, sort } = query
  const folded = (text: string) => text.normalize('NFKC').toLowerCase()
  const hints = ({ primary, secondary }: ModelKey) =>
    [primary, secondary].map((slot) => slot?.secret.text.slice(-4))
  const keys = [...model.keys.values()]
    .map(({ latest }) => latest)
    .filter((key) => key !== undefined)
    .filter(
      (key) =>
        (tenant === undefined ||
          (key.scope.tenants !== '*' && key.scope.tenants.includes(tenant))) &&
        (owner === undefined || key.owner === owner) &&
        (state === undefined || stateOf(key, model.clock.now()) === state) &&
        (name === undefined || folded(key.name).startsWith(folded(name))) &&
        (hint === undefined || hints(key).includes(hint)) &&
        (expiresBefore === undefined || (key.expiresAt ?? expiresBefore) < expiresBefore),
    )
  const used = unusedSince === undefined ? [] : await unusedKeys(nodes, keys, unusedSince)
  const direction = sort === 'oldest' ? 1 : -1
  return (unusedSince === undefined ? keys : used).sort(
    (a, b) => direction * (a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)),
  )
}

// A last use may be a minute old, so that the model knows it only from what a key shows.
async function unusedKeys(
  { twinkeys }: Nodes,
  keys: readonly ModelKey[],
  since: number,
): Promise<ModelKey[]> {
  const unused: ModelKey[] = []
  for (const key of keys) {
    const view = await twinkeys[0]?.keys.get(key.id)
    // A new secret counts as a use.
    const made = [view?.primary.createdAt ?? 0, view?.secondary?.createdAt ?? 0]
    if (Math.max(view?.lastUsedAt ?? key.createdAt, ...made) < since) unused.push(key)
  }
  return unused
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
      const { keys } = nodes.twinkeys[node] as Twinkey
      const found = await keys.revokeAll(gone)
      for (const [id, { latest: key }] of model.keys) {
        const now = model.clock.now()
        if (key === undefined || withdrawn(key, gone, undefined, now).key === key) continue
        const view = (await keys.get(id)) as ApiKey
        const after = withdrawn(key, gone, view.version, now)
        expect(foundView(view)).toEqual(expectedView(after.key, now))
        counts[after.key.revokedAt === null ? 'narrowed' : 'revoked']++
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
