// How the tours of the examples call a server and print its answers.

/** The answer to a call. */
export interface Answer<T> {
  readonly status: number
  readonly body: T
}

/** What a call sends. */
export interface Call {
  readonly method?: string
  readonly credential?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

/** The body of a refusal or an error. */
interface Problem {
  readonly code?: string
}

/** Calls with a Bearer credential. Parses the body if it is JSON, otherwise answers `{}`. */
export async function call<T = Problem>(
  url: string | URL,
  { method = 'GET', credential, headers, body }: Call = {},
): Promise<Answer<T>> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return { status: response.status, body: (isJson ? JSON.parse(text) : {}) as T }
}

/** Prints a heading. */
export function part(title: string): void {
  console.log(`\n${title}`)
}

/** Prints the status of a call, its purpose, and the code of a refusal. */
export async function show<T>(what: string, answer: Promise<Answer<T>>): Promise<T> {
  const { status, body } = await answer
  const code = (body as Problem | null)?.code
  console.log(`  ${status} ${what}${code === undefined ? '' : `: ${code}`}`)
  return body
}

/** Repeats a call until it answers this status, for at most five seconds. */
export async function soon<T>(status: number, ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
  const until = Date.now() + 5000
  for (;;) {
    const answer = await ask()
    if (answer.status === status || Date.now() > until) return answer
    await pause(10)
  }
}

/** Waits for a number of milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
