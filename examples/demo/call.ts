/** One HTTP call: what curl is told and what fetch is told. */
export interface Call {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  /** Parsed, where it was JSON. */
  readonly body: unknown
}

/** The header of a Bearer credential. */
export function bearer(credential: string): Readonly<Record<string, string>> {
  return { Authorization: `Bearer ${credential}` }
}

/** The call as a line for a shell. */
export function curlOf(url: string, call: Call): string {
  const { method, headers, body } = requestOf(call)
  const parts = ['curl -i']
  // curl makes a POST of a body by itself.
  if (method !== 'GET' && body === undefined) parts.push(`-X ${method}`)
  for (const [name, value] of Object.entries(headers))
    parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (body !== undefined) parts.push(`-d ${quoted(body)}`)
  // A shell would take what stands in a query for its own.
  const target = `${url}${call.path}`
  return [...parts, /[?&]/.test(target) ? quoted(target) : target].join(' ')
}

/** Makes the call. */
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
