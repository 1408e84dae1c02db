import { ClientError } from './error.ts'
import { isSecure } from './options.ts'

// Redirects, by the rules of Fetch (section 4.4, HTTP-redirect fetch), and stricter where a credential
// could leak.

/** The most redirects that are followed, as in Fetch. */
export const MAX_REDIRECTS = 20

const STATUSES = new Set([301, 302, 303, 307, 308])
const OF_THE_BODY = ['encoding', 'language', 'length', 'location', 'type']
// Fetch drops Authorization. Callers put credentials into many other headers, such as X-API-Key.
const CREDENTIAL = /auth|cookie|credential|^host$|key|password|secret|session|signature|token/i

/** Whether an answer has to be examined by `redirectTarget`. A browser shows only status 0. */
export function mayRedirect({ status }: Response): boolean {
  return status === 0 || STATUSES.has(status)
}

/**
 * The target of a redirect, or undefined if the answer is none.
 *
 * @throws ClientError if the redirect must not be followed.
 */
export function redirectTarget(response: Response, from: URL): URL | undefined {
  if (response.type === 'opaqueredirect')
    throw refused('A browser does not tell where a redirect leads. Call the final URL.')
  const location = STATUSES.has(response.status) ? response.headers.get('location') : null
  if (location === null) return undefined
  if (!URL.canParse(location, from.href)) throw refused('The API redirects to an invalid URL.')
  const to = new URL(location, from.href)
  requireSafe(from, to)
  return to
}

/**
 * Refuses a redirect that leaves https, or names a user.
 *
 * @throws ClientError
 */
export function requireSafe(from: URL, to: URL): void {
  if (!isSecure(to) || (from.protocol === 'https:' && to.protocol !== 'https:'))
    throw refused('The API redirects to a URL that is not secure.')
  if (to.username !== '' || to.password !== '')
    throw refused('The API redirects to a URL with a user name.')
}

/** The error of a redirect that is not followed. */
export function refused(message: string): ClientError {
  return new ClientError('redirect_refused', message)
}

/** Whether the method becomes GET, and the body is dropped. */
export function becomesGet(status: number, method: string): boolean {
  if (status === 303) return method !== 'GET' && method !== 'HEAD'
  return (status === 301 || status === 302) && method === 'POST'
}

/** Removes the headers that describe a body. */
export function dropBodyHeaders(headers: Headers): void {
  for (const name of OF_THE_BODY) headers.delete(`content-${name}`)
}

/** Removes the headers of the caller that may be credentials, for another origin. */
export function dropCredentials(headers: Headers): void {
  for (const name of [...headers.keys()]) if (CREDENTIAL.test(name)) headers.delete(name)
}
