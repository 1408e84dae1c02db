/**
 * Removes parameters from a URL, so that handlers do not see them. Removes everything that
 * `readQuery` reads, and everything that a framework's parser could mistake for it: in another
 * case, with brackets, after a semicolon, or in the fragment.
 *
 * @param url Path and query, or an absolute URL.
 * @param names The names of the parameters.
 */
export function withoutQuery(url: string, names: readonly string[]): string {
  const start = url.search(/[?#]/)
  if (start < 0) return url
  let left = ''
  let from = 0
  // The `?` or `#` of a removed first parameter. It replaces the `&` of the next parameter.
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

// No query parser nests deeper.
const MAX_DEPTH = 10

/** Removes parameters from a parsed query, as {@link withoutQuery} does from the text. */
export function hideFromQuery(query: unknown, names: readonly string[], depth = 0): void {
  if (typeof query !== 'object' || query === null || depth > MAX_DEPTH) return
  if (query instanceof URLSearchParams) {
    for (const name of new Set(query.keys())) if (isNamed(name, names)) query.delete(name)
    return
  }
  for (const [name, value] of Object.entries(query)) {
    if (isNamed(name, names)) Reflect.deleteProperty(query, name)
    else if (typeof value !== 'string') hideFromQuery(value, names, depth + 1)
    // Fastify includes a fragment in the last value.
    else if (/[;#]/.test(value))
      Reflect.set(query, name, withoutQuery(`?=${value}`, names).slice(2))
  }
}

/**
 * Redacts a URL for a log: replaces the values of query parameters, and the user information before
 * the host. In a doubtful case it redacts too: in any spelling of the name, and in the query, the
 * fragment, a path parameter or a URL inside a value.
 *
 * @param url Path and query, an absolute URL, or a log line that contains one of them.
 * @param names The names of the query parameters to redact: for a profile that reads a secret from
 *   the query, its `secretQuery`.
 * @returns The URL with `[redacted]` in place of the values.
 * @throws TypeError if `names` is not a list of strings that are not empty.
 * @example
 * ```ts
 * import { redactUrl } from 'twinkey'
 *
 * console.log(redactUrl('/customers/1/?key=secret&page=2', ['key']))
 * // /customers/1/?key=[redacted]&page=2
 * ```
 */
export function redactUrl(url: string, names: readonly string[]): string {
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string' || name === ''))
    throw new TypeError(
      "redactUrl: the second argument must be a list of the query parameters to redact, as in redactUrl(url, ['key']).",
    )
  let redacted = ''
  let from = 0
  for (const { nameEnd, end } of parametersOf(url, -1, WRITTEN, names)) {
    redacted += `${url.slice(from, nameEnd)}=[redacted]`
    from = end
  }
  return (redacted + url.slice(from)).replace(/:\/\/[^/?# \t\n\v\f\r]*@/g, '://[redacted]@')
}

/** The position of a parameter: its separator, the end of its name, and the end of its value. */
interface FoundParameter {
  readonly separator: number
  readonly nameEnd: number
  readonly end: number
}

/** The characters that end a name, and those that end a value. */
interface Marks {
  readonly name: RegExp
  readonly value: RegExp
}

// A semicolon does not end a value, because it may be part of the secret.
const PARSED: Marks = { name: /[&;#=]/g, value: /[&#]/g }
// After ASCII whitespace, the text may be the rest of a log line or more of an unescaped query. A
// URL inside a value may be escaped several times.
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
      // After an escaped =, the rest of the name follows, or a value of a URL inside a value.
      isName = mark[0] !== '=' && (isName || !/3d$/i.test(mark[0]))
    }
  }
}

// A misspelled name is not read as a credential, but its value may still be a secret. So this
// ignores case, encoding and surrounding characters, as in "key[]" or "?key". A name
// after a slash is part of the path.
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

// Decodes repeated encoding, and whatever can be decoded of an invalid one.
function decodeLoosely(written: string): string {
  const text = written.replace(/%(?:25)+/gi, '%')
  return (
    decode(text) ??
    text.replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
  )
}

/** Decodes a name or a value of a query or a form. Undefined if the encoding is not valid. */
export function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
