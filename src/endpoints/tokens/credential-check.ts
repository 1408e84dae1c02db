import { sha256 } from '#hash'
import type { Credential } from '../../core/decision/route-requirement.ts'
import type { Refused } from '../../core/model/principal.ts'
import { isRefusal, REFUSALS, type Refusal, refusedPart } from '../../core/model/refusal.ts'
import type { Deployment } from '../../guard/callbacks.ts'
import {
  type CheckedRequirement,
  checkedRequirement,
  type Requirement,
} from '../../guard/requirement.ts'
import type { Profile } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import type { TokenService } from './token-service.ts'

const SEEN_MILLISECONDS = 10_000
const MAX_SEEN = 1000

/**
 * Decides about the readings of one credential in turn, until one is not refused as wrong.
 *
 * @param readings At least one. A refusal takes the place of a credential that cannot be read.
 * @param decide Decides about the request with one of the readings.
 * @returns The last decision.
 */
export type CheckCredential = <T extends { readonly ok: true }>(
  request: WireRequest,
  readings: readonly (Credential | Refusal)[],
  decide: (request: WireRequest, requirement: CheckedRequirement) => Promise<T | Refused>,
) => Promise<T | Refused>

/** A request with one reading of its credential. */
interface ReadRequest extends WireRequest {
  readonly reading: Credential | Refusal
}

/**
 * Creates the check of an endpoint that reads credentials itself. It accepts secrets only.
 *
 * A throttle counts a credential once all of its readings are refused. The same wrong credential of
 * the same peer counts once in 10 seconds, because some clients, like the one of Go, try Basic and
 * then the form after any failure.
 *
 * @param cost How many requests a request counts as. Default: 1.
 */
export function createCredentialCheck(
  profile: Profile,
  throttle: Requirement['throttle'],
  twinkey: Pick<TokenService<never>, 'now'> & Deployment,
  cost?: number,
): CheckCredential {
  const checked = checkedRequirement(
    { profile, anyTarget: true, accept: ['secret'], throttle, cost },
    twinkey,
  )
  const { username } = profile
  // Decisions are remembered together with their requirement, and secrets must not be remembered.
  // So the secret is in the request, not in the requirement.
  const reader = {
    credential: (request: WireRequest) => (request as ReadRequest).reading,
    ...(username && { username: (name: string) => username.call(profile, name) }),
  }
  const base: CheckedRequirement = Object.create(checked, { reader: { value: reader } })
  const limiter = base.throttle
  const uncounted = limiter && withFailed(base, limiter, () => undefined)
  const seen = new Map<string, number>()

  function isRepeated(peer: string, digest: string): boolean {
    const id = sha256(`${peer}\n${digest}`)
    const before = seen.get(id)
    if (before !== undefined && Math.abs(twinkey.now() - before) < SEEN_MILLISECONDS) return true
    seen.delete(id)
    if (seen.size >= MAX_SEEN) seen.delete(seen.keys().next().value as string)
    seen.set(id, twinkey.now())
    return false
  }

  // A client that tries again in another place sends the first reading.
  function counted(first: Credential | Refusal | undefined): CheckedRequirement {
    if (limiter === undefined || first === undefined || isRefusal(first)) return base
    const digest = sha256(first.text)
    return withFailed(base, limiter, (peer) =>
      isRepeated(peer, digest) ? undefined : limiter.failed(peer),
    )
  }

  return async (request, readings, decide) => {
    const [first, ...others] = readings
    let left = others.length
    for (const reading of readings) {
      const read: ReadRequest = Object.create(request, { reading: { value: reading } })
      const outcome = await decide(read, left === 0 ? counted(first) : (uncounted ?? base))
      if (left === 0 || outcome.ok || !isWrong(outcome.refusal)) return outcome
      left--
    }
    return { ok: false, refusal: REFUSALS.credentialMissing }
  }
}

function withFailed(
  base: CheckedRequirement,
  limiter: NonNullable<CheckedRequirement['throttle']>,
  failed: (peer: string) => unknown,
): CheckedRequirement {
  return Object.create(base, { throttle: { value: { ...limiter, failed } } })
}

// A refusal about a part of the request comes after the credential was found valid.
function isWrong(refusal: Refusal): boolean {
  return refusal.code === 'credential_invalid' && refusedPart(refusal) === undefined
}
