import type { KeyRecord } from '../core/model/api-key.ts'
import type { KeyStore, ListQuery, StoredKey } from '../core/store/store.ts'

// Each helper calls the store and checks the result. The thrown error names the call and the
// difference.

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

/** Expects all pages together to hold exactly these keys, in any order. */
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

// Stops a test whose store always returns another cursor.
const MAX_PAGES = 10_000

/** Yields the keys of each page. Throws if a cursor repeats or the limit of pages is reached. */
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

/** Returns one page. Throws if it is malformed or longer than the limit. */
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
 * Compares by value and ignores the order of members, because a store may reorder JSON. Throws with
 * the path of the difference.
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
