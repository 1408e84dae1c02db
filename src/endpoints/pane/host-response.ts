import type { WireAnswer } from '../../http/profile.ts'

/** Whether a value is a web-standard response: not by instanceof, because the host may have its own. */
export function isResponse(value: unknown): value is Response {
  const { status, headers } = (value ?? {}) as Partial<Response>
  return typeof status === 'number' && typeof headers?.get === 'function'
}

/** Converts a response of the host to an answer, with all its cookies. */
export async function answerOf(response: Response): Promise<WireAnswer> {
  const headers = new Headers(response.headers)
  const cookies = headers.getSetCookie()
  // They describe a body that is no longer in that form.
  for (const name of ['content-encoding', 'content-length']) headers.delete(name)
  return {
    status: response.status,
    headers: {
      'cache-control': 'no-store',
      ...Object.fromEntries(headers),
      ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }),
    },
    body: await response.text(),
  }
}
