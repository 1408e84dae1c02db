import { requireMembers } from '../../core/model/options-checks.ts'
import { requireSecureUrl } from '../../http/secure-url.ts'
import { type Leak, type LeakOutcome, type OnLeak, POLICIES } from './policy.ts'
import type { FetchKeys } from './public-keys.ts'

/** A leak, and what was done about it. */
export interface LeakReport extends Leak {
  readonly outcome: LeakOutcome
}

/** Options of the leak endpoints. */
export interface LeakEndpointOptions {
  /**
   * What happens to a leaked credential: `'tell'`, `'disable'` or `'renew'`, or a function that
   * decides for each leak, within 5 seconds. No default, because each policy affects somebody.
   */
  readonly onLeak: OnLeak
  /**
   * Receives each leak after it was handled: to tell the owner of the key, and an operator. It gets
   * the leak again if the report arrives again. If it takes more than 5 seconds, it is not awaited
   * any longer.
   */
  tell(report: LeakReport): unknown
  /** GitHub's programme. */
  readonly github?: GithubOptions | undefined
}

/** How the public keys of GitHub are loaded. */
export interface GithubOptions {
  /** Default: `https://api.github.com/meta/public_keys/secret_scanning`. */
  readonly keysUrl?: string | undefined
  /** Loads the keys: to send a token of GitHub, or through a proxy. Default: the global `fetch`. */
  readonly fetch?: FetchKeys | undefined
}

const KEYS_URL = 'https://api.github.com/meta/public_keys/secret_scanning'

/** Checks and copies the options. */
export function readLeakOptions(options: LeakEndpointOptions) {
  const known = ['onLeak', 'tell', 'github']
  const {
    onLeak,
    tell,
    github = {},
  } = requireMembers(options, known, 'The options of leakEndpoints')
  if (typeof onLeak !== 'function' && !POLICIES.includes(onLeak))
    throw new TypeError(
      "leakEndpoints: onLeak must be 'tell', 'disable' or 'renew', or a function that returns one of them.",
    )
  if (typeof tell !== 'function')
    throw new TypeError(
      'leakEndpoints: tell must be a function that receives each leak, like (report) => sendMail(report).',
    )
  const { keysUrl = KEYS_URL, fetch: load } = requireMembers(
    github,
    ['keysUrl', 'fetch'],
    'leakEndpoints: github',
  )
  if (load !== undefined && typeof load !== 'function')
    throw new TypeError('leakEndpoints: github.fetch must be a function like fetch.')
  const url = requireSecureUrl(keysUrl, 'leakEndpoints: github.keysUrl')
  const fetchKeys: FetchKeys = load ?? ((...given) => fetch(...given))
  return { onLeak, tell, github: { url, fetch: fetchKeys } }
}
