/** One HTTP call, for curl and for fetch. */
export interface Call {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
}

/** The answer to a call. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  /** Parsed if it is JSON, otherwise text. */
  readonly body: unknown
}

/** The header of a Bearer credential. */
export function bearer(credential: string): Readonly<Record<string, string>> {
  return { Authorization: `Bearer ${credential}` }
}

/** The call as a shell command. */
export function curlOf(url: string, call: Call): string {
  const { method, headers, body } = requestOf(call)
  const parts = ['curl -i']
  // With a body, curl sends a POST by default.
  if (method !== 'GET' && body === undefined) parts.push(`-X ${method}`)
  for (const [name, value] of Object.entries(headers))
    parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (body !== undefined) parts.push(`-d ${quoted(body)}`)
  // The shell would interpret the characters of a query.
  const target = `${url}${call.path}`
  return [...parts, /[?&]/.test(target) ? quoted(target) : target].join(' ')
}

/** Sends the call. */
export async function send(url: string, call: Call): Promise<Answer> {
  const { method, headers, body } = requestOf(call)
  const response = await fetch(`${url}${call.path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '')
  const { status, statusText } = response
  return { status, statusText, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

function requestOf({ method, headers = {}, body }: Call) {
  if (body === undefined) return { method: method ?? 'GET', headers, body }
  return {
    method: method ?? 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
