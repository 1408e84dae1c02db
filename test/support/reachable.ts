/**
 * Every path from an object to a text: through own properties, enumerable or not, symbols, getters
 * of prototypes, maps and sets. Private class members are unreachable, and are ignored.
 */
export function pathsTo(root: object, text: string): string[] {
  const seen = new Set<object>()
  const found: string[] = []
  const queue: [object, string][] = [[root, '']]
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [of, path] = next
    if (seen.has(of) || of === globalThis || of === process) continue
    seen.add(of)
    for (const [name, value] of membersOf(of)) {
      const here = `${path}.${name}`
      if (name.includes(text) || (typeof value === 'string' && value.includes(text)))
        found.push(here)
      if (Buffer.isBuffer(value) && value.includes(text)) found.push(here)
      else if (
        (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) ||
        typeof value === 'function'
      )
        queue.push([value, here])
    }
  }
  return found
}

function membersOf(of: object): [string, unknown][] {
  const members: [string, unknown][] = []
  if (of instanceof Map)
    for (const [key, value] of of)
      members.push([`get(${String(key)})`, value], [`key(${String(key)})`, key])
  if (of instanceof Set) for (const value of of) members.push(['has', value])
  for (
    let holder: object | null = of;
    holder !== null && holder !== Object.prototype;
    holder = Object.getPrototypeOf(holder)
  ) {
    for (const key of Reflect.ownKeys(holder)) {
      const descriptor = Object.getOwnPropertyDescriptor(holder, key)
      // A method of a prototype is not a member of a request.
      if (holder !== of && descriptor?.get === undefined) continue
      try {
        members.push([String(key), Reflect.get(holder, key, of)])
      } catch {
        // A getter that throws for this object.
      }
    }
  }
  return members
}
