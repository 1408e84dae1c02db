/**
 * The URL without some parameters: how a handler gets to see it. Everything goes that `readQuery`
 * reads, and everything that a parser of some framework could take for one of them: in another
 * case, with brackets, behind a semicolon or in the fragment.
 *
 * @param url Path and query, or an absolute URL.
 * @param names Names of parameters.
 */
export function withoutQuery(url: string, names: readonly string[]): string {
  const start = url.search(/[?#]/)
  if (start < 0) return url
  let left = ''
  let from = 0
  // The sign of a query or fragment whose first parameter was taken out. The next parameter takes
  // its place.
  let sign = ''
  const keep = (to: number) => {
    const text = url.slice(from, to)
    left += sign !== '' && text.startsWith('&') ? sign + text.slice(1) : text
    if (text !== '') sign = ''
  }
  for (const { separator, end } of parametersOf(url, start, PARSED, names)) {
    keep(separator)
    if (/[?#]/.test(url.charAt(separator))) sign = url.charAt(separator)
    from = end
  }
  keep(url.length)
  return left
}

// Deeper than any parser of queries goes.
const MAX_DEPTH = 10

/**
 * Takes parameters out of a query that was parsed, as {@link withoutQuery} takes them out of its
 * text.
 */
export function hideFromQuery(query: unknown, names: readonly string[], depth = 0): void {
  if (typeof query !== 'object' || query === null || depth > MAX_DEPTH) return
  if (query instanceof URLSearchParams) {
    for (const name of new Set(query.keys())) if (isNamed(name, names)) query.delete(name)
    return
  }
  for (const [name, value] of Object.entries(query)) {
    if (isNamed(name, names)) Reflect.deleteProperty(query, name)
    else if (typeof value !== 'string') hideFromQuery(value, names, depth + 1)
    // Fastify takes a fragment for a part of the last value.
    else if (/[;#]/.test(value))
      Reflect.set(query, name, withoutQuery(`?=${value}`, names).slice(2))
  }
}

/**
 * The URL for a log: the value of every `auth-key` is replaced, and so is what stands in front of
 * the host. In doubt it is redacted: whatever the spelling of the name, in the query, the fragment,
 * a parameter of the path or a URL inside a value.
 *
 * @param url Path and query, an absolute URL, or a line with one such in it.
 * @param names The parameters to redact: `auth-key` unless given.
 * @returns The URL with `[redacted]` in their place.
 * @example
 * ```ts
 * import { redactUrl } from 'twinkey'
 *
 * console.log(redactUrl('/customers/1/?auth-key=secret&_profile=Test'))
 * // /customers/1/?auth-key=[redacted]&_profile=Test
 * ```
 */
export function redactUrl(url: string, names: readonly string[] = ['auth-key']): string {
  let redacted = ''
  let from = 0
  for (const { nameEnd, end } of parametersOf(url, -1, WRITTEN, names)) {
    redacted += `${url.slice(from, nameEnd)}=[redacted]`
    from = end
  }
  return (redacted + url.slice(from)).replace(/:\/\/[^/?# \t\n\v\f\r]*@/g, '://[redacted]@')
}

/**
 * Where a parameter stands in a text: its separator, the end of its name, and the end of its value.
 */
interface FoundParameter {
  readonly separator: number
  readonly nameEnd: number
  readonly end: number
}

/** What ends a name, and what ends a value. */
interface Marks {
  readonly name: RegExp
  readonly value: RegExp
}

// A value goes on behind a semicolon: it may be a part of the secret.
const PARSED: Marks = { name: /[&;#=]/g, value: /[&#]/g }
// What stands behind a blank may be the rest of a line, or more of a query that nobody has escaped.
// No line is made of other blanks than those of ASCII. A URL inside a value is escaped, perhaps
// more than once.
const WRITTEN: Marks = {
  name: /[?&;#= \t\n\v\f\r]|%(?:25)*(?:3[bdf]|2[36])/gi,
  value: /[&# \t\n\v\f\r]/g,
}

const PART_OF_NAME = /[\w/-]/

function parametersOf(
  text: string,
  from: number,
  marks: Marks,
  names: readonly string[],
): FoundParameter[] {
  const found: FoundParameter[] = []
  let separator = from
  let start = from + 1
  let isName = true
  for (;;) {
    marks.name.lastIndex = start
    const mark = marks.name.exec(text)
    const nameEnd = mark?.index ?? text.length
    if (isName && isNamed(text.slice(start, nameEnd), names)) {
      marks.value.lastIndex = nameEnd
      const end = marks.value.exec(text)?.index ?? text.length
      found.push({ separator, nameEnd, end })
      isName = false
      start = end
    } else if (mark === null) {
      return found
    } else {
      separator = mark.index
      start = mark.index + mark[0].length
      isName = !/^(?:=|.*3d)$/i.test(mark[0])
    }
  }
}

// A name that is only nearly right is not read, and its value may be a secret all the same. So case
// does not matter, nor encoding, nor what stands around it, as in "auth-key[]" or "?auth-key". A
// name behind a slash is a part of the path.
function isNamed(written: string, names: readonly string[]): boolean {
  const name = decodeLoosely(written).toLowerCase()
  return names.some((each) => {
    const word = each.toLowerCase()
    for (let at = name.indexOf(word); at >= 0; at = name.indexOf(word, at + 1)) {
      if (
        !PART_OF_NAME.test(name.charAt(at - 1)) &&
        !PART_OF_NAME.test(name.charAt(at + word.length))
      )
        return true
      if (at === name.length) break
    }
    return false
  })
}

// However often it was encoded, and whatever of it cannot be decoded.
function decodeLoosely(written: string): string {
  const text = written.replace(/%(?:25)+/gi, '%')
  return (
    decode(text) ??
    text.replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
  )
}

/** Decodes a name or a value of a query; undefined where that cannot be done. */
export function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
