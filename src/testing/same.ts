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

/** A value as text for a message. */
export function shown(value: unknown): string {
  return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
