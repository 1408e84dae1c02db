import { readAnswer, type TokenResponse } from './answer.ts'
import { withDeadline } from './deadline.ts'
import { ClientError, isClientError, platformCodeOf } from './error.ts'
import type { CheckedOptions } from './options.ts'

/** A token and its times, on the clock of the client. */
export interface Grant {
  readonly token: string
  /** The Authorization of requests. Made once, because joining a long token costs at each request. */
  readonly authorization: string
  /** When to renew it. Differs between tokens, so that a fleet does not renew at the same time. */
  readonly refreshAt: number
  readonly endsAt: number
}

/** What an exchange needs of the options. */
export type ExchangeOptions = Pick<
  CheckedOptions,
  'tokenUrl' | 'scope' | 'resource' | 'fetch' | 'now' | 'deadlineMilliseconds'
>

// A token is renewed after 70 to 85 % of its life.
const REFRESH_SHARE = 0.7
const REFRESH_JITTER = 0.15
// A token may expire while a request is sent.
const MARGIN_SHARE = 0.05
const MAX_MARGIN_MILLISECONDS = 10_000

/**
 * Exchanges a secret for a token.
 *
 * @param ended Ends the exchange.
 * @returns The token. Its life counts from the time before the request.
 * @throws ClientError
 * @see RFC 6750 section 2.1, RFC 6749 section 5
 */
export async function exchange(
  secret: string,
  options: ExchangeOptions,
  ended: AbortSignal,
): Promise<Grant> {
  const sentAt = options.now()
  const answer = await withDeadline(options.deadlineMilliseconds, ended, lateError, (signal) =>
    ask(secret, options, signal),
  )
  const life = answer.lifetimeMilliseconds
  return {
    token: answer.token,
    authorization: `Bearer ${answer.token}`,
    refreshAt: sentAt + life * (REFRESH_SHARE + REFRESH_JITTER * Math.random()),
    endsAt: sentAt + life - Math.min(life * MARGIN_SHARE, MAX_MARGIN_MILLISECONDS),
  }
}

async function ask(
  secret: string,
  { tokenUrl, scope, resource, fetch: send }: ExchangeOptions,
  signal: AbortSignal,
): Promise<TokenResponse> {
  const form = new URLSearchParams()
  if (scope !== undefined) form.set('scope', scope)
  if (resource !== undefined) form.set('resource', resource)
  try {
    const response = await send(tokenUrl.href, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${secret}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: String(form),
      redirect: 'manual',
      signal,
    })
    return await readAnswer(response)
  } catch (thrown) {
    if (isClientError(thrown)) throw thrown
    const code = platformCodeOf(thrown)
    throw new ClientError(
      'exchange_unavailable',
      `The token service could not be reached${code === undefined ? '' : ` (${code})`}.`,
    )
  }
}

function lateError(): ClientError {
  return new ClientError('exchange_unavailable', 'The token service did not answer in time.')
}
