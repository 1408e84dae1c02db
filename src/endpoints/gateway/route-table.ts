import type { OriginalTarget } from './original-request.ts'

/** The value of a route, and the parameters of its path. */
interface Match<T> {
  readonly value: T
  readonly template: string
  readonly params: ReadonlyMap<string, string>
}

interface Route<T> {
  /** As the application wrote it. */
  readonly name: string
  readonly method: string
  readonly template: string
  readonly pattern: readonly string[]
  readonly value: T
}

/** Finds the route of a request. */
export type FindRoute<T> = (target: OriginalTarget) => Match<T> | undefined

const NAME = /^([A-Z]+(?:-[A-Z]+)*) \/(\S*)$/
const PARAMETER = /^:[A-Za-z_]\w*$/
const LITERAL = /^[\w.~@$&+,=!'()-][\w.~:@$&+,=!'()-]*$/

function isLiteral(segment: string): boolean {
  return LITERAL.test(segment) && segment !== '.' && segment !== '..'
}

/**
 * Creates the table of routes.
 *
 * @param routes Values by method and path, like `GET /customers/:id`.
 * @throws TypeError if a name is not valid, or two routes match the same request and neither is more
 *   specific.
 */
export function createRouteTable<T>(routes: readonly (readonly [string, T])[]): FindRoute<T> {
  const all = routes.map(([name, value]) => parse(name, value))
  for (const [i, one] of all.entries())
    for (const other of all.slice(i + 1))
      if (overlap(one, other) && !isMoreSpecific(one, other) && !isMoreSpecific(other, one))
        throw new TypeError(
          `gatewayEndpoints: the routes '${one.name}' and '${other.name}' match the same request, and neither is more specific. Leave one of them out.`,
        )
  // Of the routes that match a request, one is more specific than all others.
  const sorted = all.sort((one, other) => rankOf(one).localeCompare(rankOf(other)))
  return ({ method, written, segments }) => {
    const asked = method === 'HEAD' ? 'GET' : method
    const found = sorted.find((each) => each.method === asked && matches(each.pattern, segments))
    // A service may ignore case and escapes, so such a segment is neither the literal nor another.
    if (found?.pattern.some((each, i) => !isParameter(each) && each !== written[i]) !== false)
      return undefined
    const params = found.pattern.flatMap((each, i) =>
      isParameter(each) ? [[each.slice(1), segments[i] as string] as const] : [],
    )
    return { value: found.value, template: found.template, params: new Map(params) }
  }
}

function parse<T>(name: string, value: T): Route<T> {
  const [, method = '', path = ''] = NAME.exec(name) ?? []
  const pattern = path.split('/')
  const parameters = pattern.filter(isParameter)
  const isValid = pattern.every(
    (each, i) =>
      PARAMETER.test(each) || isLiteral(each) || (each === '' && i === pattern.length - 1),
  )
  if (method === '' || !isValid || new Set(parameters).size !== parameters.length)
    throw new TypeError(
      `gatewayEndpoints: the route '${name}' must be a method and a path, like 'GET /customers/:id'. A segment is a parameter of its own name, or text without wildcards and escapes.`,
    )
  if (method === 'HEAD')
    throw new TypeError(
      `gatewayEndpoints: the route '${name}' must be one for GET, which also matches HEAD.`,
    )
  return { name, method, template: `/${path}`, pattern, value }
}

function isParameter(segment: string): boolean {
  return segment.startsWith(':')
}

// Ignores case, because some services do.
function isSame(literal: string, segment: string | undefined): boolean {
  return literal.toLowerCase() === segment?.toLowerCase()
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((each, i) => (isParameter(each) ? segments[i] !== '' : isSame(each, segments[i])))
  )
}

// Whether one request can match both.
function overlap<T>(one: Route<T>, other: Route<T>): boolean {
  return (
    one.method === other.method &&
    one.pattern.length === other.pattern.length &&
    one.pattern.every((each, i) => {
      const beside = other.pattern[i] as string
      if (isParameter(each)) return beside !== ''
      return isParameter(beside) ? each !== '' : isSame(each, beside)
    })
  )
}

// Whether a route has a literal wherever the other one does, and in more places.
function isMoreSpecific<T>(one: Route<T>, other: Route<T>): boolean {
  const places = one.pattern.map((each, i) => [
    isParameter(each),
    isParameter(other.pattern[i] as string),
  ])
  return (
    places.every(([mine, theirs]) => !mine || theirs) &&
    places.some(([mine, theirs]) => !mine && theirs)
  )
}

// Sorts a literal before a parameter.
function rankOf<T>({ pattern }: Route<T>): string {
  return pattern.map((each) => (isParameter(each) ? '1' : '0')).join('')
}
