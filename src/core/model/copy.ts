import { isPlainObject, type membersProblem } from './checks.ts'

// An object from the application or a store may return different values at each read: through
// getters, an iterator, a Proxy, or a change during an await. Copy it first and read each member
// once. Then check the copy, and use only the copy.

/** Stands for an object that is not plain data, like a class instance. It passes no check. */
const OPAQUE = /* @__PURE__ */ new (class Opaque {})()
// Metadata of 4 KiB has fewer values.
const MAX_VALUES = 10_000

/**
 * Copies an object. Known members keep their values. Unknown members keep their names only, so that
 * {@link membersProblem} can report them.
 *
 * @param known The members to read. Default: all own members.
 * @returns The copy. If `value` is not a plain object, a value that is not one either.
 */
export function copyMembers(value: unknown, known?: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (!isPlainObject(value)) return Array.isArray(value) ? [] : OPAQUE
  const own = Object.keys(value)
  const copy: Record<string, unknown> = {}
  // `known` may repeat a name: read each member once.
  for (const name of known ?? own)
    if (name in value && !Object.hasOwn(copy, name)) put(copy, name, value[name])
  if (known !== undefined)
    for (const name of own) if (!known.includes(name)) put(copy, name, undefined)
  return copy
}

/** Copies a list by its indices, never by its iterator. Returns any other value unchanged. */
export function copyList(value: unknown, maxLength = Number.POSITIVE_INFINITY): unknown {
  return Array.isArray(value)
    ? Array.from({ length: Math.min(value.length, maxLength) }, (_, index) => value[index])
    : value
}

/**
 * Copies a JSON value. Objects deeper than `maxDepth` levels, and everything beyond 10,000 values,
 * become a value that passes no check.
 */
export function copyJson(value: unknown, maxDepth: number): unknown {
  let values = 0
  const copy = (each: unknown, depth: number): unknown => {
    if (++values > MAX_VALUES) return OPAQUE
    if (typeof each !== 'object' || each === null) return each
    if (depth === 0) return OPAQUE
    if (Array.isArray(each))
      return (copyList(each, MAX_VALUES) as unknown[]).map((item) => copy(item, depth - 1))
    const members = copyMembers(each) as Record<string, unknown>
    if (members !== OPAQUE)
      for (const name of Object.keys(members)) put(members, name, copy(members[name], depth - 1))
    return members
  }
  return copy(value, maxDepth)
}

function put(copy: Record<string, unknown>, name: string, value: unknown): void {
  // Assignment would set the prototype.
  if (name === '__proto__')
    Object.defineProperty(copy, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  else copy[name] = value
}
