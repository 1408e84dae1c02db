import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { HistoryEntry, HistoryInput, Twinkey } from 'twinkey'
import { expect } from 'vitest'
import { inOrder, type ModelEntry } from './keyring-model-entry.ts'
import type { Nodes } from './keyring-model-nodes.ts'
import {
  count,
  type KeyringCommand,
  type KeyringModel,
  pickKey,
  pickOf,
} from './keyring-model-state.ts'

// A run has fewer pages, even of one entry each.
const MAX_PAGES = 10_000

/**
 * After the command, the history must be exactly the changes that the model made, and the events of
 * the nodes must be exactly these entries.
 */
export function withHistory(command: KeyringCommand): KeyringCommand {
  return {
    check: (model) => command.check(model),
    async run(model, nodes) {
      await command.run(model, nodes)
      await expectHistory(model, nodes)
    },
    toString: () => command.toString(),
  }
}

async function expectHistory(model: KeyringModel, nodes: Nodes): Promise<void> {
  const entries = await readBack(model, nodes.twinkeys[0] as Twinkey, { limit: 100 })
  expectEntries(entries, model.entries)
  for (const entry of entries) model.ids.add(entry.id)
  const events = nodes.events.map(({ id }) => id)
  expect(new Set(events).size, 'each event has its own entry').toBe(events.length)
  expect(new Set(events), 'the events are the entries').toEqual(model.ids)
}

/** Reads the history back from the newest entry, page by page. */
export function history(
  node: number,
  filter: { readonly key?: number; readonly owner?: string | null; readonly tenant?: string },
  limit: number,
): KeyringCommand {
  return {
    check: (model) => model.keys.size > 0,
    async run(model, nodes) {
      const keyId = filter.key === undefined ? undefined : pickKey(model, filter.key)
      const owner = filter.owner && `${model.run}-${filter.owner}`
      const tenant = filter.tenant && `${model.run}-${filter.tenant}`
      const twinkey = nodes.twinkeys[node] as Twinkey
      const found = await readBack(model, twinkey, { keyId, owner, tenant, limit })
      const expected = model.entries.filter(
        (entry) =>
          (keyId === undefined || entry.keyId === keyId) &&
          (owner === undefined || entry.owner === owner) &&
          (tenant === undefined || (entry.tenants !== '*' && entry.tenants.includes(tenant))),
      )
      expectEntries(found, expected)
      count(model, 'history', found.length > limit ? 'several pages' : 'one page')
    },
    toString: () => `history(node ${node}, ${fc.stringify(filter)}, by ${limit})`,
  }
}

/**
 * Continues a consumer of the history, by one call or up to the present. An entry can be written
 * before the position of the consumer, which then reads it in its next pass. So the consumer has
 * every entry when it reaches the present for the second time.
 */
export function consume(node: number, limit: number, isToPresent: boolean): KeyringCommand {
  return {
    check: () => true,
    async run(model, nodes) {
      const { keys } = nodes.twinkeys[node] as Twinkey
      let ends = 0
      for (let calls = 1; ends < 2; calls++) {
        const isEnd = await consumeStep(model, keys, limit)
        if (isEnd) ends++
        if (!isToPresent) break
        if (calls > MAX_PAGES) throw new Error('the history has no end')
      }
      if (isToPresent) {
        const seen = [...model.consumer.seen.values()].filter((entry) => isOfRun(model, entry))
        expectEntries(
          seen.filter(({ id }) => !model.forgotten.has(id)),
          model.entries,
        )
      }
      count(model, 'consume', isToPresent ? 'to the present' : ends > 0 ? 'at once' : 'on the way')
    },
    toString: () => `consume(node ${node}, by ${limit}${isToPresent ? ', to the present' : ''})`,
  }
}

// Makes one call, and says whether it came to the present.
async function consumeStep(
  { consumer }: KeyringModel,
  keys: Twinkey['keys'],
  limit: number,
): Promise<boolean> {
  const step = await keys.history({ after: consumer.after, limit })
  expect(step.entries.length).toBeLessThanOrEqual(limit)
  consumer.after = step.nextCursor
  for (const entry of step.entries) {
    expect(consumer.seen.get(entry.id) ?? entry).toEqual(entry)
    consumer.seen.set(entry.id, entry)
  }
  return !step.hasMore
}

/** Forgets the entries before one of them, or a millisecond before or after that. */
export function forgetHistory(node: number, pick: number, offset: number): KeyringCommand {
  return {
    check: (model) => model.entries.length > 0,
    async run(model, nodes) {
      const { keys } = nodes.twinkeys[node] as Twinkey
      const before = pickOf(model.entries, pick).at + offset
      const old = await readBack(model, nodes.twinkeys[0] as Twinkey, { limit: 100 })
      for (const { id, at } of old) if (at < before) model.forgotten.add(id)
      const kept = model.entries.filter(({ at }) => at >= before)
      const forgotten = model.entries.length - kept.length
      // The backend may have older entries of others.
      expect(await keys.forgetHistory(before)).toBeGreaterThanOrEqual(forgotten)
      model.entries = kept
      count(model, 'forgetHistory', forgotten > 0 ? 'some' : 'nothing')
    },
    toString: () => `forgetHistory(node ${node}, entry ${pick}, ${offset} ms)`,
  }
}

/** Reads all pages of a query: the entries of this run, in the order of the pages. */
export async function readBack(
  model: KeyringModel,
  { keys }: Twinkey,
  query: HistoryInput & { readonly limit: number },
): Promise<HistoryEntry[]> {
  const found: HistoryEntry[] = []
  let cursor: string | undefined
  let pages = 0
  do {
    const page = await keys.history({ ...query, cursor })
    expect(page.entries.length).toBeLessThanOrEqual(query.limit)
    found.push(...page.entries.filter((entry) => isOfRun(model, entry)))
    cursor = page.nextCursor
    if (++pages > MAX_PAGES) throw new Error('the history has no end')
  } while (cursor !== undefined)
  const newest = [...found].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
  expect(
    found.map(({ id }) => id),
    'the newest first',
  ).toEqual(newest.map(({ id }) => id))
  return found
}

function expectEntries(found: readonly HistoryEntry[], expected: readonly ModelEntry[]): void {
  expect(withoutIds(found)).toEqual(inOrder(expected))
}

/** Whether the history has exactly these entries. */
export function hasEntries(
  found: readonly HistoryEntry[],
  expected: readonly ModelEntry[],
): boolean {
  return isDeepStrictEqual(withoutIds(found), inOrder(expected))
}

function withoutIds(entries: readonly HistoryEntry[]): ModelEntry[] {
  return inOrder(entries.map(({ id: _, ...entry }) => entry))
}

function isOfRun({ run }: KeyringModel, { name }: HistoryEntry): boolean {
  return name.startsWith(`${run} `)
}
