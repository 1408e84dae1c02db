const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/**
 * Checks an absolute URL: https, or http on loopback, in its normal spelling, without a user, a
 * query or a fragment.
 *
 * @returns The URL, without a slash at its end.
 * @throws TypeError that names the option.
 */
export function requireSecureUrl(value: unknown, what: string): string {
  const text = isSecureUrl(value) ? value.replace(/\/$/, '') : undefined
  if (text === undefined)
    throw new TypeError(
      `${what} must be an https URL like https://api.example.com/path, without a query. On loopback, http is possible too.`,
    )
  return text
}

/** Whether a value is a URL as {@link requireSecureUrl} requires it. */
export function isSecureUrl(value: unknown): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { href, protocol, hostname, pathname, search, hash, username, password } = new URL(value)
  const isSecure = protocol === 'https:' || (protocol === 'http:' && LOOPBACK.includes(hostname))
  const isNormal = href === value || (pathname === '/' && href === `${value}/`)
  return isSecure && isNormal && `${search}${hash}${username}${password}` === ''
}
