/**
 * A proxy that throws when a member is read a second time, because a second read may give another
 * value. It applies to nested objects and lists, and returns functions and class instances
 * unchanged.
 */
export function readOnce<T>(value: T, path = 'it'): T {
  if (typeof value !== 'object' || value === null) return value
  const isData = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  if (!isData) return value
  const read = new Set<string>()
  return new Proxy((Array.isArray(value) ? [...value] : { ...value }) as T & object, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name)
      // Resolving a promise with an object reads its `then`, too.
      if (typeof name === 'symbol' || name === 'then') return found
      if (typeof found === 'function' && Array.isArray(target))
        throw new Error(`${path}.${name}() was called: a list may have one of its own`)
      if (read.has(name)) throw new Error(`${path}.${name} was read twice`)
      read.add(name)
      return readOnce(found, `${path}.${name}`)
    },
  })
}
