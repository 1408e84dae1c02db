/** Every code of a {@link ClientError}. */
export type ClientErrorCode =
  | 'credential_refused'
  | 'exchange_refused'
  | 'exchange_unavailable'
  | 'exchange_malformed'
  | 'secrets_unavailable'
  | 'redirect_refused'
  | 'client_closed'

/** What a {@link ClientError} says beside its message. */
export interface ClientErrorDetails {
  readonly status?: number | undefined
  readonly reason?: string | undefined
  readonly retryAfterSeconds?: number | undefined
}

const BRAND = Symbol.for('twinkey.client-error')

/**
 * The error of a call that got no token, or that must not follow a redirect.
 *
 * No member contains a secret, a token, a URL with its query, or an error of the platform. The error
 * has no `cause`, because a cause could contain a header. Recognise it by {@link isClientError} and
 * `code`, not by `instanceof`.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: ClientErrorCode
  /** The HTTP status of the token service, if it answered. */
  readonly status: number | undefined
  /**
   * Why the token service refused: `code` of problem+json, or `error` of OAuth (RFC 6749, section
   * 5.2). At most 40 lower-case letters and underscores.
   */
  readonly reason: string | undefined
  /** When the next exchange is possible, in whole seconds. Until then calls fail with this error. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: ClientErrorCode, message: string, details: ClientErrorDetails = {}) {
    super(message)
    this.code = code
    this.status = details.status
    this.reason = details.reason
    this.retryAfterSeconds = details.retryAfterSeconds
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** The members and the message, for logs. */
  toJSON(): object {
    const { name, code, message, status, reason, retryAfterSeconds } = this
    return { name, code, message, status, reason, retryAfterSeconds }
  }
}

/**
 * Whether a caught value is a {@link ClientError}, from any copy of the package.
 *
 * @param value Any thrown value.
 * @returns True for a {@link ClientError}, and narrows the type.
 * @example
 * ```ts
 * import { type Client, isClientError } from 'twinkey/client'
 *
 * async function customers(client: Client): Promise<unknown> {
 *   try {
 *     return await (await client.fetch('https://api.example.com/customers')).json()
 *   } catch (error) {
 *     if (isClientError(error) && error.code === 'credential_refused')
 *       console.error('Renew the key of this service.')
 *     throw error
 *   }
 * }
 * ```
 */
export function isClientError(value: unknown): value is ClientError {
  return typeof value === 'object' && value !== null && BRAND in value
}

/**
 * The code of an error of the platform, like `ECONNREFUSED`, of itself or of its cause. Undefined if
 * there is none. Messages are not used: they may quote a header or a file.
 */
export function platformCodeOf(thrown: unknown): string | undefined {
  const { code, cause } = (thrown ?? {}) as { code?: unknown; cause?: { code?: unknown } }
  const found = typeof code === 'string' ? code : cause?.code
  return typeof found === 'string' && /^[A-Z][A-Z_]{1,39}$/.test(found) ? found : undefined
}
