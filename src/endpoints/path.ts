const PATH = /^\/$|^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/

/**
 * Checks a path that is compared with the path of a request.
 *
 * @throws TypeError unless it is `/`, or segments of unreserved characters (RFC 3986, section 2.3),
 *   each with a slash before it.
 */
export function requirePath(path: unknown, what: string): string {
  if (typeof path !== 'string' || !PATH.test(path))
    throw new TypeError(
      `${what} must be a path like '/' or '/generate': a slash before each segment, none at the end, no parameter and no query. A segment may have letters, digits, '-', '.', '_' and '~'.`,
    )
  return path
}
