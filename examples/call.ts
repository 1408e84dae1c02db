// What the tours of the examples call with, and how they show what they were answered.

/** What a call was answered. */
export interface Answer<T> {
  readonly status: number
  readonly body: T
}

/** What a call is made with. */
export interface Call {
  readonly method?: string
  readonly credential?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

/** The body of a refusal or a fault. */
interface Problem {
  readonly code?: string
}

/** Calls with a credential as Bearer, and reads the answer as JSON where it is. */
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

/** Prints what a call was for, its status, and the code where it was refused. */
export async function show<T>(what: string, answer: Promise<Answer<T>>): Promise<T> {
  const { status, body } = await answer
  const code = (body as Problem | null)?.code
  console.log(`  ${status} ${what}${code === undefined ? '' : `: ${code}`}`)
  return body
}

/**
 * Calls until the status is this one, for five seconds at most: what another process has to hear of
 * first.
 */
export async function soon<T>(status: number, ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
  const until = Date.now() + 5000
  for (;;) {
    const answer = await ask()
    if (answer.status === status || Date.now() > until) return answer
    await pause(10)
  }
}

/** Waits for so many milliseconds. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
