/** One HTTP call, for curl and for fetch. */
export interface Call {
  readonly method?: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** User and password of Basic authentication, with a colon between them. */
  readonly user?: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>
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
  const { method, body } = requestOf(call)
  const { headers = {}, user, form } = call
  const parts = ['curl -i']
  // With a body, curl sends a POST by default.
  if (method !== 'GET' && body === undefined) parts.push(`-X ${method}`)
  if (user !== undefined) parts.push(`-u ${quoted(user)}`)
  const type = body === undefined || form !== undefined ? {} : JSON_TYPE
  for (const [name, value] of Object.entries({ ...headers, ...type }))
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

const JSON_TYPE = { 'Content-Type': 'application/json' }

function requestOf({ method, headers = {}, user, body, form }: Call) {
  const authorized =
    user === undefined
      ? headers
      : { ...headers, Authorization: `Basic ${Buffer.from(user).toString('base64')}` }
  if (form !== undefined) {
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const text = new URLSearchParams(form).toString()
    return { method: method ?? 'POST', headers: { ...authorized, ...type }, body: text }
  }
  if (body === undefined) return { method: method ?? 'GET', headers: authorized, body }
  return {
    method: method ?? 'POST',
    headers: { ...authorized, ...JSON_TYPE },
    body: JSON.stringify(body),
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
