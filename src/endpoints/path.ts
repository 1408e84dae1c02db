/**
 * Checks a path that is compared with the path of a request.
 *
 * @throws TypeError unless it is `/`, or segments of unreserved characters (RFC 3986, section 2.3),
 *   each with a slash before it.
 */
export function requirePath(path: unknown, what: string): string {
  if (typeof path === 'string' && (path === '/' || isPath(path))) return path
  throw new TypeError(
    `${what} must be a path like '/' or '/generate': a slash before each segment, none at the end, no parameter and no query. A segment may have letters, digits, '-', '.', '_' and '~'.`,
  )
}

function isPath(path: string): boolean {
  const [before, ...segments] = path.split('/')
  // URL parsers remove the segments `.` and `..`, so that no request has them.
  return (
    before === '' &&
    segments.length > 0 &&
    segments.every((each) => /^[\w.~-]+$/.test(each) && each !== '.' && each !== '..')
  )
}
