/**
 * The same value, of which no member may be read twice: the second time throws, as what it answers
 * then may be something else. Objects and lists inside are held to the same. Functions and objects
 * of a class are handed on as they are.
 */
export function readOnce<T>(value: T, path = 'it'): T {
  if (typeof value !== 'object' || value === null) return value
  const isData = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  if (!isData) return value
  const read = new Set<string>()
  return new Proxy((Array.isArray(value) ? [...value] : { ...value }) as T & object, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name)
      // Every promise that is resolved with an object asks whether it is one, too.
      if (typeof name === 'symbol' || name === 'then') return found
      if (typeof found === 'function' && Array.isArray(target))
        throw new Error(`${path}.${name}() was called: a list may have one of its own`)
      if (read.has(name)) throw new Error(`${path}.${name} was read twice`)
      read.add(name)
      return readOnce(found, `${path}.${name}`)
    },
  })
}
