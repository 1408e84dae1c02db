import { ClientError } from './error.ts'

// Answers of the token service.

/** The members of a token response that the client uses (RFC 6749, section 5.1). */
export interface TokenResponse {
  readonly token: string
  readonly lifetimeMilliseconds: number
}

const MAX_BYTES = 64 * 1024
const MAX_TOKEN_LENGTH = 16 * 1024
const MAX_RETRY_AFTER_SECONDS = 60

/**
 * Reads the answer to an exchange.
 *
 * @throws ClientError if it has no usable token.
 */
export async function readAnswer(response: Response): Promise<TokenResponse> {
  const { status } = response
  if (status === 0 || (status >= 300 && status < 400)) {
    await discard(response)
    throw malformed('The token URL redirects. Set tokenUrl to the final URL.', status)
  }
  const text = await readText(response)
  if (status === 200) return tokenOf(membersOf(text))
  throw refusalOf(response, reasonOf(membersOf(text)))
}

/** Discards a response that is not read. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {})
}

function tokenOf(members: Readonly<Record<string, unknown>>): TokenResponse {
  const { access_token: token, token_type: type, expires_in: seconds } = members
  const isToken =
    typeof token === 'string' && token.length <= MAX_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(token)
  // RFC 6749, section 7.1: a client must not use a token of a type that it does not know.
  if (!isToken || typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    throw malformed('The token service did not answer with a Bearer token.', 200)
  if (typeof seconds !== 'number' || !(seconds > 0) || !Number.isFinite(seconds))
    throw malformed('The token service did not say how long the token is valid.', 200)
  return { token, lifetimeMilliseconds: seconds * 1000 }
}

function refusalOf(response: Response, reason: string | undefined): ClientError {
  const { status } = response
  const said = `status ${status}${reason === undefined ? '' : ` (${reason})`}`
  if (status === 401 || (status === 400 && reason === 'invalid_client'))
    return new ClientError(
      'credential_refused',
      `The token service refused the secret with ${said}. It was replaced, disabled or revoked, or it has expired.`,
      { status, reason },
    )
  if (status === 408 || status === 429 || status >= 500)
    return new ClientError('exchange_unavailable', `The token service answered with ${said}.`, {
      status,
      reason,
      retryAfterSeconds: retryAfterOf(response.headers),
    })
  return new ClientError('exchange_refused', `The token service refused with ${said}.`, {
    status,
    reason,
  })
}

function malformed(message: string, status: number): ClientError {
  return new ClientError('exchange_malformed', message, { status })
}

/**
 * The seconds of Retry-After, at most 60. A date counts from the `Date` of the answer, so that the
 * clock of this machine does not matter (RFC 9110, section 10.2.3).
 */
function retryAfterOf(headers: Headers): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? ''
  const seconds = /^[0-9]+$/.test(value)
    ? Number(value)
    : (Date.parse(value) - Date.parse(headers.get('date') ?? '')) / 1000
  return seconds > 0 ? Math.min(Math.ceil(seconds), MAX_RETRY_AFTER_SECONDS) : undefined
}

function reasonOf({ code, error }: Readonly<Record<string, unknown>>): string | undefined {
  const reason = code ?? error
  return typeof reason === 'string' && /^[a-z_]{1,40}$/.test(reason) ? reason : undefined
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let length = 0; reader !== undefined; ) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > MAX_BYTES) {
      reader.cancel().catch(() => {})
      throw malformed(`The token service sent more than ${MAX_BYTES} bytes.`, response.status)
    }
    text += decoder.decode(value, { stream: true })
  }
  return text + decoder.decode()
}
