/**
 * Calls an API that is guarded by Twinkey: exchanges a secret for a token, renews it, and changes to
 * the other secret if one is refused. @module twinkey/client
 */

export type { AxiosAdapterWrapper, AxiosAnswer, AxiosConfig } from './axios.ts'
export { type Client, createClient } from './client.ts'
export {
  ClientError,
  type ClientErrorCode,
  type ClientErrorDetails,
  isClientError,
} from './error.ts'
export type { GotOptions, GotRequestOptions, GotResponse } from './got.ts'
export type { ClientOptions, Failover, SecretName, Secrets } from './options.ts'
export type {
  UndiciController,
  UndiciHandler,
  UndiciInterceptor,
  UndiciRequest,
} from './undici.ts'
