import { type RawRequest, type RawResponse, sendRaw } from '../support/raw-http.ts'

/** Where a client sends its requests, and the time that passes for it: nothing really waits. */
export interface Session {
  readonly port: number
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Waits for so many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>
}

/** Which answers are tried again, and after how many seconds where the server does not say. */
export interface RetryRules {
  readonly retried: (status: number) => boolean
  readonly waitSeconds: readonly number[]
}

/** What a client ends with where every attempt was refused. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp'

  constructor(
    readonly attempts: number,
    readonly last: RawResponse,
  ) {
    super(`giving up after ${attempts} attempt(s)`)
  }
}

/** Sends a request, and sends it again as the rules say. A Retry-After is honoured. */
export async function sendWithRetries(
  { port, wait }: Session,
  rules: RetryRules,
  request: RawRequest,
): Promise<RawResponse> {
  for (let attempt = 0; ; attempt++) {
    const response = await sendRaw(port, request)
    if (!rules.retried(response.status)) return response
    const seconds = rules.waitSeconds[attempt]
    if (seconds === undefined) throw new GaveUp(attempt + 1, response)
    const asked = response.headers['retry-after']
    await wait(1000 * (asked === undefined ? seconds : Number(asked)))
  }
}
