import { STATUS_CODES } from 'node:http'

/** The answer of a handler, for every framework. Header names are lower-case. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The maximum size of a request body. */
export const MAX_BODY_BYTES = 100_000

/** A JSON reply. */
export function json(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const body = JSON.stringify(value)
  // Not every framework sets the length for HEAD.
  const length = String(Buffer.byteLength(body))
  return {
    status,
    headers: { 'content-type': 'application/json', 'content-length': length, ...headers },
    body,
  }
}

/** A problem of the standard convention (RFC 9457). */
export function problem(status: number): Reply {
  return json(
    status,
    { title: STATUS_CODES[status], status },
    { 'content-type': 'application/problem+json' },
  )
}

/** The reply to an error. Express stores the status in `status`, Fastify in `statusCode`. */
export function replyTo(error: unknown): Reply {
  const { status, statusCode = status } = error as { status?: unknown; statusCode?: unknown }
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return problem(statusCode)
  console.error(error)
  return problem(500)
}

/** Parses a JSON object. Answers undefined for any other text. */
export function membersOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
