import type { WireAnswer } from '../http/profile.ts'

/** Whether a value is a web-standard response: not by instanceof, because the host may have its own. */
export function isResponse(value: unknown): value is Response {
  const { status, headers } = (value ?? {}) as Partial<Response>
  return typeof status === 'number' && typeof headers?.get === 'function'
}

/**
 * Converts a response of the host to an answer, with all its cookies. The host may return the same
 * response again.
 *
 * @throws TypeError for a status outside 200 to 599, like that of `Response.error()`.
 */
export async function answerOf(response: Response): Promise<WireAnswer> {
  if (!(response.status >= 200 && response.status <= 599))
    throw new TypeError('authorize must return a Response with a status from 200 to 599.')
  const headers = new Headers(response.headers)
  const cookies = headers.getSetCookie()
  // They describe a body that is no longer in that form.
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding'])
    headers.delete(name)
  return {
    status: response.status,
    headers: {
      'cache-control': 'no-store',
      ...Object.fromEntries(headers),
      ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }),
    },
    body: await response.clone().text(),
  }
}
