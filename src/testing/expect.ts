import type { KeyRecord } from '../core/model/api-key.ts'
import type { KeyStore, ListQuery, StoredKey } from '../core/store/store.ts'

// The calls of a store, each held to what it must answer. What is thrown names the call, and where
// the answer differs.

export async function expectGet(
  store: KeyStore,
  id: string,
  expected: StoredKey | undefined,
): Promise<void> {
  same(`get of ${id}`, await store.get(id), expected)
}

export async function expectPut(
  store: KeyStore,
  next: StoredKey,
  expectedVersion: number | undefined,
  expected: 'stored' | 'conflict' | 'missing',
): Promise<void> {
  const where =
    expectedVersion === undefined
      ? 'that expects nothing there'
      : `that expects version ${expectedVersion}`
  same(
    `put of ${next.id} in version ${next.version} ${where}`,
    await store.put(next, expectedVersion),
    expected,
  )
}

export async function expectDelete(
  store: KeyStore,
  id: string,
  expectedVersion: number,
  expected: 'deleted' | 'conflict' | 'missing',
): Promise<void> {
  same(
    `delete of ${id} that expects version ${expectedVersion}`,
    await store.delete(id, expectedVersion),
    expected,
  )
}

/** Holds all pages together to the keys that they must have, in whatever order. */
export async function expectList(
  store: KeyStore,
  query: Omit<ListQuery, 'limit' | 'cursor'>,
  expected: readonly KeyRecord[],
): Promise<void> {
  const found: string[] = []
  for await (const keys of pages(store, { ...query, limit: 3 }))
    found.push(...keys.map(({ id }) => id))
  same(
    `the ids of list of ${JSON.stringify(query)}`,
    found.sort(),
    expected.map(({ id }) => id).sort(),
  )
}

// Where a cursor leads on for ever, a test must not.
const MAX_PAGES = 10_000

/** The keys of one page after the other. Throws where the pages would never end. */
export async function* pages(
  store: KeyStore,
  query: ListQuery,
): AsyncGenerator<readonly KeyRecord[], void> {
  const cursors = new Set<string>()
  for (let next: string | undefined; ; ) {
    const page = await pageOf(store, { ...query, cursor: next })
    yield page.keys
    next = page.next
    if (next === undefined) return
    const isEndless =
      cursors.size >= MAX_PAGES
        ? `after ${MAX_PAGES} pages`
        : cursors.has(next)
          ? 'a second time'
          : undefined
    if (isEndless)
      throw new Error(
        `list of ${JSON.stringify(query)} answered next ${shown(next)} ${isEndless}: its pages never end`,
      )
    cursors.add(next)
  }
}

/** One page. Throws where it has not the form of one. */
export async function pageOf(
  store: KeyStore,
  query: ListQuery,
): Promise<Awaited<ReturnType<KeyStore['list']>>> {
  const page = await store.list(query)
  const what = `list of ${JSON.stringify(query)}`
  if (!Array.isArray(page?.keys))
    throw new Error(`${what}: found ${shown(page)}, expected { keys, next }`)
  if (page.keys.length > query.limit)
    throw new Error(`${what}: found ${page.keys.length} keys on a page of ${query.limit}`)
  if (page.next !== undefined && typeof page.next !== 'string')
    throw new Error(
      `${what}: found next ${shown(page.next)}, expected a string, or undefined on the last page`,
    )
  return page
}

/**
 * Compares by value, whatever the order of members: stores may keep JSON in a form of their own.
 * Throws with where it differs.
 */
export function same(what: string, found: unknown, expected: unknown, path = ''): void {
  if (!isObject(found) || !isObject(expected) || Array.isArray(found) !== Array.isArray(expected)) {
    if (shown(found) !== shown(expected)) differs(what, path, shown(found), shown(expected))
    return
  }
  for (const name of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    const at = path === '' ? name : `${path}.${name}`
    if (!Object.hasOwn(found, name)) differs(what, at, 'nothing', shown(expected[name]))
    if (!Object.hasOwn(expected, name)) differs(what, at, shown(found[name]), 'nothing')
    same(what, found[name], expected[name], at)
  }
}

function differs(what: string, path: string, found: string, expected: string): never {
  const [a, b] = [found, expected].map((text) =>
    text.length > 500 ? `${text.slice(0, 500)}…` : text,
  )
  throw new Error(`${what}${path && ` differs at ${path}`}: found ${a}, expected ${b}`)
}

function shown(value: unknown): string {
  return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
