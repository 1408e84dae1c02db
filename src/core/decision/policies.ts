import type { LimitAnswer, LimitUse } from '../model/limiter.ts'
import { includesAddress, readAddress } from '../model/network.ts'
import type { Allowed, Principal } from '../model/principal.ts'
import { isRefusal, REFUSALS, refusalReason } from '../model/refusal.ts'
import { type CredentialDenial, TargetDenial } from './denial.ts'
import type { Identity } from './identity.ts'
import { type LimiterFailure, type Limits, quotaRefusal } from './limits.ts'
import type { RouteRequirement } from './route-requirement.ts'
import { isThenable } from './steps.ts'

/** What the policies know about one request. A decision keeps it while it repeats steps. */
export interface PolicyFacts {
  /** Of the type that the requirement reads. */
  readonly request: never
  readonly requirement: RouteRequirement<never>
  identity: Identity
  allowed: Allowed
  /** When this turn of the decision first asked the policies. */
  at: number
  /** What is left of the limits. Undefined if the request was not counted yet. */
  counted: readonly LimitUse[] | undefined
  /** The principal that the route has allowed. */
  authorized: Principal | undefined
}

type Denied = CredentialDenial | undefined

/** The policies of one request. */
export interface Policies {
  /** Whether any policy applies. */
  appliesTo(identity: Identity, requirement: RouteRequirement<never>): boolean
  /**
   * Asks each policy in order: networks, limits, the route. Returns the first denial, or the promise
   * of the first policy that must be awaited. If that promise is fulfilled without a denial, call
   * `check` again: the limits and the route are not asked twice. Throws, or rejects, only if
   * `authorize` of the route or `clientAddress` does.
   */
  check(facts: PolicyFacts): Denied | Promise<Denied>
}

/** @param counts `uncounted` for a second look at the same request. */
export function createPolicies(limits: Limits, counts: 'counted' | 'uncounted'): Policies {
  const { byDefault } = limits
  return {
    appliesTo: ({ policies: own }, { authorize }) =>
      own !== undefined || byDefault !== undefined || authorize !== undefined,
    // The order of the policies.
    check:
      counts === 'counted'
        ? (facts) => checkNetworks(facts) ?? countRequest(facts, limits) ?? askRoute(facts)
        : (facts) => checkNetworks(facts) ?? askRoute(facts),
  }
}

function checkNetworks(facts: PolicyFacts): Denied {
  const { identity, request, requirement } = facts
  const networks = identity.policies?.networks
  if (!networks) return undefined
  const text = requirement.address?.(request)
  const address = readAddress(text)
  if (address !== undefined && includesAddress(networks, address)) return undefined
  const reason = address === undefined ? 'address_unknown' : 'address_outside'
  // Without the zone, which can be any text of the caller.
  const shown = address && (text as string).split('%', 1)[0]
  return new TargetDenial(REFUSALS.networkDenied, reason, identity.holder.id, {
    ...targetOf(facts),
    address: shown,
  })
}

function countRequest(facts: PolicyFacts, limits: Limits): Denied | Promise<Denied> {
  // A decision that repeats its steps has already counted this request.
  if (facts.counted !== undefined) return undefined
  const { identity, requirement, at } = facts
  const own = identity.policies?.limits ?? limits.byDefault
  if (own === undefined || own.length === 0) return undefined
  const counted = limits.count(identity.holder.id, own, requirement.cost ?? 1, at)
  return isThenable(counted)
    ? counted.then((answer) => countedDenial(facts, answer))
    : countedDenial(facts, counted)
}

function countedDenial(facts: PolicyFacts, answer: LimitAnswer | LimiterFailure): Denied {
  const { identity, requirement, at } = facts
  if (typeof answer === 'string')
    return new TargetDenial(REFUSALS.unavailable, answer, identity.holder.id, targetOf(facts))
  facts.counted = answer.limits
  if (answer.allowed) return undefined
  const refusal = quotaRefusal(answer, requirement.cost ?? 1, at)
  return new TargetDenial(refusal, undefined, identity.holder.id, targetOf(facts), answer.limits)
}

function askRoute(facts: PolicyFacts): Denied | Promise<Denied> {
  const { authorize } = facts.requirement
  if (authorize === undefined || facts.authorized === facts.allowed.principal) return undefined
  const answer = authorize(facts.allowed.principal, facts.request)
  return isThenable(answer)
    ? Promise.resolve(answer).then((settled) => routeDenial(facts, settled))
    : routeDenial(facts, answer)
}

function routeDenial(facts: PolicyFacts, answer: unknown): Denied {
  if (answer === undefined) {
    facts.authorized = facts.allowed.principal
    return undefined
  }
  // `false` or a response would otherwise let the request in.
  if (!isRefusal(answer))
    throw new TypeError(
      'requireAuth: authorize must return undefined to allow the request, or a refusal, like denied(code, detail).',
    )
  const { id } = facts.identity.holder
  return new TargetDenial(answer, refusalReason(answer), id, targetOf(facts), facts.counted)
}

function targetOf({ allowed }: PolicyFacts) {
  const { tenant, environment, workflow } = allowed.principal
  return { tenant, environment, workflow }
}
