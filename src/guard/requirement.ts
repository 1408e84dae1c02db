export type { AuthorizeRoute, Deployment } from './callbacks.ts'
export { from, type ReaderOptions } from './readers.ts'

import type { RouteRequirement, TargetReader } from '../core/decision/route-requirement.ts'
import type { Throttle } from '../core/decision/throttle.ts'
import { nameProblem } from '../core/model/checks.ts'
import { copyList } from '../core/model/copy.ts'
import { MAX_REQUESTS } from '../core/model/key-limit.ts'
import { requireMembers, requireNumber } from '../core/model/options-checks.ts'
import { AXES, type Axis } from '../core/model/scope.ts'
import type { Profile } from '../http/profile.ts'
import type { WireRequest } from '../http/request.ts'
import { standard } from '../profiles/standard.ts'
import {
  type AuthorizeRoute,
  addressOf,
  authorizeOf,
  type Deployment,
  throttleOf,
} from './callbacks.ts'
import { isOptional, MAKER } from './readers.ts'

/**
 * The source of a name on one axis: a fixed name, or a reader of {@link from}, like
 * `from.param('tenant')`,
 * or a function of your own. If a reader finds no name, the request is refused as `target_missing`,
 * unless the reader is optional.
 */
export type TargetSource = string | TargetReader<WireRequest>

/**
 * What a route requires of a request. Every axis on which a credential is limited needs a name:
 * from the route, the profile, or the deployment.
 */
export interface Requirement {
  /**
   * The source of the tenant. If the profile names a tenant too, the two must be equal. If neither
   * names one, the tenant is that of the credential, provided that the credential reaches exactly
   * one tenant. A key for all tenants then passes with `principal.tenant` undefined, so name a
   * source if the handler needs a tenant.
   */
  readonly tenant?: TargetSource | undefined
  /**
   * The source of the environment. If the profile names an environment too, the two must be equal.
   * If neither names one, the environment is that of the deployment, provided that the deployment
   * serves exactly one.
   */
  readonly environment?: TargetSource | undefined
  /** The workflow that this route performs, for example `'customers.read'`. */
  readonly workflow?: TargetSource | undefined
  /** The wire convention. Default: {@link standard}. */
  readonly profile?: Profile | undefined
  /** The kinds of credential that the route accepts. Default: both. */
  readonly accept?: readonly ('secret' | 'token')[] | undefined
  /**
   * The audience that a token must be for: `tokens.audience`, one of `resources`, or a list of
   * them. Does not limit API keys. Default: `tokens.audience`, so a token for another resource is
   * refused as `credential_invalid`.
   *
   * @see RFC 8707, RFC 9068 section 4
   */
  readonly resource?: string | readonly string[] | undefined
  /**
   * Lets anonymous requests pass without a principal: requests without a credential, and requests
   * with a credential of another system. A Twinkey credential that is not active is still refused.
   * Default: false.
   */
  readonly optional?: boolean | undefined
  /** For a route without a target, such as "who am I": checks no axis. Default: false. */
  readonly anyTarget?: boolean | undefined
  /**
   * Limits guessing: counts refused credentials by peer and answers 429 with Retry-After. Default:
   * none, so nothing is counted.
   */
  readonly throttle?: Throttle<WireRequest> | undefined
  /**
   * How many requests this one counts as for the limits of the key: a whole number, 0 or more. A
   * request that costs 0 passes even if a limit is used up. Default: 1.
   */
  readonly cost?: number | undefined
  /**
   * Decides last, about a request that passed all other checks. Return undefined to allow it, or a
   * refusal, like {@link denied}. It runs before the event `access.allowed`. A request that it
   * refuses still counts for the limits of the key. It does not apply to the exchange for a token.
   *
   * It may be called again for the same request if the key changes meanwhile. If it throws or
   * rejects, the framework handles the error.
   *
   * @param principal The authenticated caller.
   * @param request The request. `request.native` is that of the framework.
   */
  readonly authorize?: AuthorizeRoute | undefined
}

const PROFILE_METHODS = [
  'credential',
  'refuse',
  'tokenRequest',
  'tokenIssued',
  'tokenTested',
] as const
const MEMBERS = [
  'tenant',
  'environment',
  'workflow',
  'profile',
  'accept',
  'resource',
  'optional',
  'anyTarget',
  'throttle',
  'cost',
  'authorize',
]

const CHECKED = Symbol.for('twinkey.requirement')

/** Checks a requirement, unless it is already checked, by this or another copy of the package. */
export function checkedRequirement(
  requirement: Requirement | CheckedRequirement,
  deployment?: Deployment,
): CheckedRequirement {
  const isChecked =
    typeof requirement === 'object' && requirement !== null && CHECKED in requirement
  return isChecked
    ? (requirement as CheckedRequirement)
    : new CheckedRequirement(requirement, deployment)
}

/** A checked requirement in the form that the core takes. Created once for a route. */
export class CheckedRequirement implements RouteRequirement<WireRequest> {
  readonly reader: Profile
  readonly acceptsSecret: boolean
  readonly acceptsToken: boolean
  readonly optional: boolean
  readonly anyTarget: boolean
  readonly readers: RouteRequirement<WireRequest>['readers']
  readonly names: RouteRequirement<WireRequest>['names']
  readonly required: RouteRequirement<WireRequest>['required']
  readonly audiences: RouteRequirement<WireRequest>['audiences']
  readonly throttle: RouteRequirement<WireRequest>['throttle']
  readonly cost: number
  readonly address: (request: WireRequest) => unknown
  readonly authorize: AuthorizeRoute | undefined
  /** The workflow if it is fixed. A refusal may name it. */
  readonly workflow: string | undefined

  /** @throws TypeError if the requirement is not valid. The message says what to do. */
  constructor(given: Requirement, deployment: Deployment = {}) {
    const requirement = requireMembers(given, MEMBERS, 'requireAuth: the requirement')
    const { profile = standard(), optional = false, anyTarget = false, throttle } = requirement
    const accept =
      requirement.accept === undefined ? ['secret', 'token'] : copyList(requirement.accept)
    if (PROFILE_METHODS.some((method) => typeof profile?.[method] !== 'function')) {
      throw new TypeError('requireAuth: profile must be a profile, like standard().')
    }
    if (
      !Array.isArray(accept) ||
      accept.length === 0 ||
      accept.some((kind) => kind !== 'secret' && kind !== 'token')
    ) {
      throw new TypeError(
        "requireAuth: accept must be a list of 'secret' and 'token', with at least one of them.",
      )
    }
    if (typeof optional !== 'boolean' || typeof anyTarget !== 'boolean')
      throw new TypeError('requireAuth: optional and anyTarget must be true or false.')
    const target: { [axis in Axis]?: TargetSource } = {}
    const required: Axis[] = []
    for (const [axis] of AXES) {
      const source = requirement[axis]
      if (source === undefined) continue
      if (anyTarget)
        throw new TypeError(
          `requireAuth: anyTarget checks no axis, so it cannot go with ${axis}. Leave one of the two out.`,
        )
      const problem =
        typeof source === 'function' && !(MAKER in source) ? undefined : fixedProblem(source)
      if (problem !== undefined)
        throw new TypeError(
          `requireAuth: ${axis} ${problem}, or a reader that was called, like from.param('id'), from.header('x-id') or from.query('id').`,
        )
      target[axis] = source
      if (typeof source === 'function' && !isOptional(`requireAuth: ${axis}`, source))
        required.push(axis)
    }
    this.reader = profile
    this.acceptsSecret = accept.includes('secret')
    this.acceptsToken = accept.includes('token')
    this.optional = optional
    this.anyTarget = anyTarget
    const sources = anyTarget
      ? []
      : AXES.flatMap(([axis]) => [target[axis], readerOf(profile, axis)])
    this.readers = sources.filter((source) => typeof source === 'function')
    this.names = sources.map((source) =>
      typeof source === 'function' ? this.readers.indexOf(source) : source,
    )
    this.required = required
    this.audiences = audiencesOf(requirement.resource, accept, deployment.audiences)
    this.address = addressOf(deployment)
    this.throttle = throttle === undefined ? undefined : throttleOf(throttle, this.address)
    this.cost = requireNumber(
      requirement.cost,
      1,
      0,
      MAX_REQUESTS,
      'requireAuth: cost',
      Number.isInteger,
    )
    this.authorize = authorizeOf(requirement)
    this.workflow = typeof target.workflow === 'string' ? target.workflow : undefined
    Object.defineProperty(this, CHECKED, { value: true })
    Object.freeze(this)
  }
}

// A misspelt resource would refuse every token, so it must be one of the known audiences.
function audiencesOf(
  resource: Requirement['resource'],
  accept: readonly unknown[],
  known: readonly string[] | undefined,
): readonly string[] | undefined {
  if (resource === undefined) return undefined
  const audiences = typeof resource === 'string' ? [resource] : copyList(resource)
  if (
    !Array.isArray(audiences) ||
    audiences.length === 0 ||
    audiences.some((each) => nameProblem(each) !== undefined)
  )
    throw new TypeError(
      'requireAuth: resource must be the URI of a resource, or a list of them with at least one.',
    )
  if (!accept.includes('token'))
    throw new TypeError(
      "requireAuth: resource limits tokens only, so accept must hold 'token'. Leave one of the two out.",
    )
  if (known !== undefined && !audiences.every((each) => known.includes(each)))
    throw new TypeError(
      'requireAuth: resource must be tokens.audience or one of resources, as given to createTwinkey. With a verifier, it must be the audience of the verifier.',
    )
  return Object.freeze(audiences)
}

// A profile must not supply a number: in `names` it is the index of a reader.
function readerOf({ target }: Profile, axis: Axis): TargetReader<WireRequest> | undefined {
  const reader: unknown = target?.[axis]
  if (reader !== undefined && typeof reader !== 'function')
    throw new TypeError(
      `requireAuth: profile.target.${axis} must be a function that reads a name from a request.`,
    )
  return reader as TargetReader<WireRequest> | undefined
}

function fixedProblem(name: unknown): string | undefined {
  if (name === '*') return 'must be one name'
  if (typeof name === 'string' && name.startsWith(':'))
    return 'must be a name without a colon before it'
  return nameProblem(name)
}
