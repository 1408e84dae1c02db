import { type RawRequest, type RawResponse, sendRaw } from '../support/raw-http.ts'

/** Where a client sends its requests, and its own clock: nothing really waits. */
export interface Session {
  readonly port: number
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Waits for this many milliseconds. */
  readonly wait: (milliseconds: number) => Promise<void>
}

/** Which answers are retried, and after how many seconds if the server does not say. */
export interface RetryRules {
  readonly retried: (status: number) => boolean
  readonly waitSeconds: readonly number[]
}

/** The error of a client whose every attempt was refused. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp'

  constructor(
    readonly attempts: number,
    readonly last: RawResponse,
  ) {
    super(`giving up after ${attempts} attempt(s)`)
  }
}

/** Sends a request, and repeats it by the rules. Honours Retry-After. */
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
