/**
 * What to do when a credential was found in public: the endpoint that GitHub reports it to, and
 * rules for secret scanners.
 *
 * @module twinkey/leaks
 */

export type { IdentifiedCredential } from '../../core/management/credential-lookup.ts'
export type { Endpoints } from '../endpoints.ts'
export { leakEndpoints } from './leak-endpoints.ts'
export type { GithubOptions, LeakEndpointOptions, LeakReport } from './options.ts'
export type { Leak, LeakOutcome, LeakPolicy, OnLeak } from './policy.ts'
export type { FetchKeys } from './public-keys.ts'
export type { LeakPlace } from './report.ts'
export {
  type GithubPattern,
  type ScannerRules,
  type ScannerRulesOptions,
  scannerRules,
} from './scanner-rules.ts'
export type { LeakService } from './service.ts'
