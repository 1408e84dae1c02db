import type { IdentifiedCredential } from '../../core/management/credential-lookup.ts'
import type { Right } from '../../core/model/operations.ts'
import { withTimeout } from '../../core/store/timeout.ts'
import type { WireRequest } from '../../http/request.ts'
import { sourceOf } from '../management/caller.ts'
import type { LeakEndpointOptions, LeakReport } from './options.ts'
import {
  type Ending,
  endCredential,
  type Leak,
  type LeakOutcome,
  type LeakPolicy,
  requirePolicy,
} from './policy.ts'
import type { ReportedCredential } from './report.ts'
import type { LeakService } from './service.ts'

/** The options that decide about a leak and report it. */
export type HandlingSettings = Pick<LeakEndpointOptions, 'onLeak' | 'tell'>

// GitHub waits 30 seconds for an answer with feedback.
const DEADLINE_MILLISECONDS = 25_000
// A call of onLeak or tell that hangs must not keep other credentials alive.
const CALL_MILLISECONDS = 5_000
const CONCURRENCY = 8
const RIGHTS: readonly Right[] = ['disable', 'renew']

/**
 * Creates the handling of reported credentials.
 *
 * @returns A function that resolves to whether each credential is one of this deployment. A
 *   credential that could not be handled is missing.
 */
export function createHandling(twinkey: LeakService, { onLeak, tell }: HandlingSettings) {
  const now = () => twinkey.now()
  const warn = (message: string, error: unknown) =>
    twinkey.warn(message, error, 'warning.leak_not_handled')

  function endingFor(request: WireRequest): Ending {
    return {
      keyring: twinkey.keys.within({
        actor: 'leak:github',
        can: RIGHTS,
        source: sourceOf(request, twinkey),
      }),
      now,
      identify: (credential) => twinkey.keys.identify(credential),
      revokeToken: (token) => twinkey.tokens.revoke(token),
    }
  }

  async function decide(leak: Leak): Promise<LeakPolicy> {
    return requirePolicy(
      typeof onLeak === 'function' ? await called('onLeak', () => onLeak(leak)) : onLeak,
    )
  }

  async function report(given: LeakReport): Promise<void> {
    try {
      await called('tell', () => tell(Object.freeze(given)))
    } catch (error) {
      warn(`The function tell failed for a leak of the key ${given.key.id}.`, error)
    }
  }

  async function end(
    ending: Ending,
    { token, places }: ReportedCredential,
    found: IdentifiedCredential,
  ): Promise<LeakOutcome> {
    const leak: Leak = Object.freeze({ reportedBy: 'github', ...found, places })
    let outcome: LeakOutcome
    try {
      outcome = await endCredential(ending, await decide(leak), token, found)
    } catch (error) {
      warn(`A leaked credential of the key ${found.key.id} may still work.`, error)
      outcome = 'failed'
    }
    await report({ ...leak, outcome })
    return outcome
  }

  return async (
    request: WireRequest,
    credentials: readonly ReportedCredential[],
  ): Promise<ReadonlyMap<string, boolean>> => {
    const ending = endingFor(request)
    const until = now() + DEADLINE_MILLISECONDS
    const results = new Map<string, boolean>()
    const queue = credentials.values()
    const work = async () => {
      for (const credential of queue) {
        if (now() > until) return
        try {
          const found = await ending.identify(credential.token)
          const outcome = found && (await end(ending, credential, found))
          if (outcome !== 'failed') results.set(credential.token, found !== undefined)
        } catch (error) {
          warn('A reported credential could not be looked up.', error)
        }
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, work))
    if (results.size < credentials.length)
      warn(
        `${credentials.length - results.size} of ${credentials.length} reported credentials were not handled.`,
        undefined,
      )
    return results
  }
}

function called<T>(name: string, call: () => Promise<T> | T): Promise<T> {
  return withTimeout(CALL_MILLISECONDS, 'store_unavailable', `The function ${name} failed`, call)
}
