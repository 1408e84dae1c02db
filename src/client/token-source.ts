import { ClientError } from './error.ts'
import { type ExchangeOptions, exchange, type Grant } from './exchange.ts'

/** The tokens of one secret, for one scope and resource. Several clients may share it. */
export interface TokenSource {
  /** The last token, until it ends. */
  current(): Grant | undefined
  /**
   * Returns a token other than a given one: the current one, or the result of one exchange for all
   * callers. After a failure, rejects with the last error and without an exchange, for one to two
   * seconds or for the time in Retry-After.
   *
   * @param than A token that is refused or should be renewed. Undefined for none.
   */
  other(than: string | undefined): Promise<Grant>
  /**
   * Whether `other` may help after the API has refused a token with 401. False if the current token
   * was refused less than two seconds after an earlier refusal: then a new one would be refused too,
   * and each request would cause an exchange.
   */
  mayReplace(token: string): boolean
  /** Ends an exchange in progress. */
  end(): void
}

const REFUSAL_PAUSE_MILLISECONDS = 2000

/** Creates the source of the tokens of a secret. It does nothing until the first call. */
export function createTokenSource(secret: string, options: ExchangeOptions): TokenSource {
  const { now } = options
  const ended = new AbortController()
  let grant: Grant | undefined
  let pending: Promise<Grant> | undefined
  let startedAt = 0
  let failure: { readonly error: ClientError; readonly until: number } | undefined
  let refusedAt = Number.NEGATIVE_INFINITY
  let refusedToken: string | undefined

  const current = () => (grant !== undefined && now() < grant.endsAt ? grant : undefined)

  // A failure leaves the token as it is, unless the API has refused it and the secret is refused too.
  function start(): Promise<Grant> {
    if (failure !== undefined && now() < failure.until)
      return Promise.reject(stillFailing(failure.error, failure.until - now()))
    const mine = exchange(secret, options, ended.signal).then(
      (granted) => {
        if (pending === mine) pending = undefined
        failure = undefined
        grant = granted
        return granted
      },
      (error: ClientError) => {
        if (pending === mine) pending = undefined
        if (error.code === 'credential_refused' && grant?.token === refusedToken) grant = undefined
        failure = { error, until: now() + pauseOf(error) }
        throw error
      },
    )
    startedAt = now()
    pending = mine
    return mine
  }

  function other(than: string | undefined): Promise<Grant> {
    const known = current()
    if (known !== undefined && known.token !== than) return Promise.resolve(known)
    // An exchange ends within its deadline, unless the host has abandoned it with its request.
    const isUnderWay = now() - startedAt < options.deadlineMilliseconds
    return isUnderWay && pending !== undefined ? pending : start()
  }

  return {
    current,
    other,
    mayReplace(token) {
      if (current()?.token !== token) return true
      if (pending === undefined) {
        if (now() - refusedAt < REFUSAL_PAUSE_MILLISECONDS) return false
        refusedAt = now()
      }
      refusedToken = token
      return true
    },
    end: () => ended.abort(),
  }
}

// One to two seconds, so that a fleet does not retry at the same time.
function pauseOf({ retryAfterSeconds = 1 }: ClientError): number {
  return 1000 * (retryAfterSeconds + Math.random())
}

function stillFailing(error: ClientError, milliseconds: number): ClientError {
  const { code, message, status, reason } = error
  return new ClientError(code, message, {
    status,
    reason,
    retryAfterSeconds: Math.max(1, Math.ceil(milliseconds / 1000)),
  })
}
