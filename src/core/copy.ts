import { isPlainObject, type membersProblem } from './bounds.ts'

// An object from the application or a store may answer differently at each read: it may have getters or an iterator of its own, be a Proxy, or be changed
// while a call waits. Copy it first and read each member once, then check the copy, and use only the copy.

/** Replaces an object that is not plain data, like an instance of a class. It passes no check. */
const OPAQUE = Object.freeze(new (class Opaque {})())
// More values than fit into metadata of 4 KiB.
const MAX_VALUES = 10_000

/**
 * Copies an object. Known members keep their values. Unknown members keep their names only, so that {@link membersProblem} can report them.
 *
 * @param known The members to read. Default: all own members.
 * @returns The copy, or a value that is not a plain object where `value` is not one.
 */
export function copyMembers(value: unknown, known?: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (!isPlainObject(value)) return Array.isArray(value) ? [] : OPAQUE
  const names = new Set(Object.keys(value))
  for (const name of known ?? []) if (name in value) names.add(name)
  const read = known === undefined ? names : new Set(known)
  return Object.fromEntries(Array.from(names, (name) => [name, read.has(name) ? value[name] : undefined]))
}

/** Copies a list by its indices, never by its iterator. Returns any other value unchanged. */
export function copyList(value: unknown, maxLength = Number.POSITIVE_INFINITY): unknown {
  return Array.isArray(value) ? Array.from({ length: Math.min(value.length, maxLength) }, (_, index) => value[index]) : value
}

/** Copies a JSON value. Objects deeper than `maxDepth` levels, and everything beyond 10,000 values, become a value that passes no check. */
export function copyJson(value: unknown, maxDepth: number): unknown {
  let values = 0
  const copy = (each: unknown, depth: number): unknown => {
    if (typeof each !== 'object' || each === null) return each
    if (depth === 0) return OPAQUE
    if (!Array.isArray(each) && !isPlainObject(each)) return OPAQUE
    const inner = (Array.isArray(each) ? copyList(each, MAX_VALUES + 1) : copyMembers(each)) as Record<string, unknown>
    for (const name of Object.keys(inner)) {
      const member = ++values > MAX_VALUES ? OPAQUE : copy(inner[name], depth - 1)
      // Assignment would set the prototype where the name is __proto__.
      Object.defineProperty(inner, name, { value: member, enumerable: true, configurable: true, writable: true })
    }
    return inner
  }
  return copy(value, maxDepth)
}
