import type { RefusalCode, RefusalReason } from './refusal.ts'

/** What every message of a trace says. Members that are missing at its start are set at its end. */
export interface TraceMessage {
  /** What createTwinkey or createVerifier returned. */
  twinkey?: object | undefined
  /** When the work began, in milliseconds, like `performance.now()`. */
  startedAt?: number | undefined
  isFinished?: boolean
  /** How long it took, once it is finished. Set only for work that had to wait. */
  durationSeconds?: number | undefined
  /** Why it failed. Undefined if it did not: a refusal is not a failure. */
  error?: unknown
}

/** A message of `twinkey:authenticate`: one decision. */
export interface AuthenticateMessage extends TraceMessage {
  result?: 'allowed' | 'refused' | 'anonymous' | undefined
  /** Set if the request was refused. */
  code?: RefusalCode | undefined
  reason?: RefusalReason | undefined
  /** What was sent. Set if the request was allowed. */
  via?: 'secret' | 'token' | undefined
  /** The key, if it was found. */
  keyId?: string | undefined
  /**
   * Whether the credential was recognised without reading the store or verifying a signature.
   * Undefined if there was no credential, or if its form alone was a reason to refuse it.
   */
  cached?: boolean | undefined
}

/** A message of `twinkey:exchange`: one request for a token. */
export interface ExchangeMessage extends TraceMessage {
  result?: 'issued' | 'refused' | undefined
  /** Set if the request was refused. */
  code?: RefusalCode | undefined
  reason?: RefusalReason | undefined
  /** The key of a request that was refused, if it was found. */
  keyId?: string | undefined
  /** Set if a token was issued. */
  tokenId?: string | undefined
}

/** A message of `twinkey:store`: one call of the store. */
export interface StoreMessage extends TraceMessage {
  /** The method of the store. */
  readonly operation: string
}

/** Lets others watch work of one kind. Messages hold no secret, no token and no digest. */
export interface Trace<M extends TraceMessage> {
  /** Whether anyone listens. To save time, do work without a message if nobody does. */
  readonly isHeard: boolean
  /**
   * Does work, and publishes its start and its end if anyone listens.
   *
   * @param work Sets the members of the message before it returns, or before its promise settles.
   */
  run<T>(message: M, work: () => T): T
}

/** The traces of one Twinkey. */
export interface Traces {
  readonly authenticate: Trace<AuthenticateMessage>
  readonly exchange: Trace<ExchangeMessage>
  readonly store: Trace<StoreMessage>
}
