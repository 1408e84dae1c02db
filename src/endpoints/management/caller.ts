import { type Authority, type KeyringLimits, readLimits } from '../../core/management/authority.ts'
import type { DeploymentPolicies } from '../../core/management/deployment-policies.ts'
import type { Keyring } from '../../core/management/key-management.ts'
import type { KeyPolicy } from '../../core/management/key-policy.ts'
import { narrowPolicy, shownPolicy } from '../../core/management/narrowed-policy.ts'
import type { KeyLimit } from '../../core/model/api-key.ts'
import { copyMembers } from '../../core/model/copy.ts'
import { isTwinkeyError } from '../../core/model/error.ts'
import type { ChangeSource } from '../../core/model/history.ts'
import type { ScopeValue } from '../../core/model/scope.ts'
import { addressOf, type Deployment } from '../../guard/callbacks.ts'
import type { WireAnswer } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import { isResponse } from '../host-response.ts'
import { problem } from './answers.ts'
import { isForged, isUntyped } from './forgery.ts'
import type { ManagementSettings } from './options.ts'

/** Who makes a request: what they may do, and the keyring that holds them to it. */
export interface Caller {
  readonly authority: Authority
  readonly keyring: Keyring
}

/** What gives out keyrings: `twinkey.keys`. */
export interface KeyringSource {
  within(limits: KeyringLimits): Keyring
}

const MEMBERS = ['actor', 'owner', 'tenants', 'grantable', 'can', 'policy', 'source']

/**
 * Finds the caller of a request. Returns an answer instead if the request is forged or has no caller.
 *
 * @throws TypeError if `authorize` returns something else than it may. An error of `authorize` is
 *   thrown as it is.
 */
export async function callerOf(
  request: WireRequest,
  service: Deployment & { readonly keys: KeyringSource },
  { authorize, origins, policy }: ManagementSettings,
): Promise<Caller | WireAnswer> {
  if (isForged(request, origins)) return FORGED
  if (isUntyped(request)) return UNTYPED
  const allowed = (await authorize(request.native)) as unknown
  if (allowed === undefined) return NOT_FOUND
  if (isResponse(allowed)) return sessionExpired(allowed)
  try {
    const given = copyMembers(allowed, MEMBERS) as KeyringLimits
    const limits: KeyringLimits = {
      ...(policy && { policy }),
      ...given,
      source: {
        ...sourceOf(request, service),
        ...given?.source,
      },
    }
    return { authority: readLimits(limits), keyring: service.keys.within(limits) }
  } catch (error) {
    // It is not the caller who gave this input.
    throw isTwinkeyError(error) ? new TypeError(`${WRONG_LIMITS} ${error.message}`) : error
  }
}

const WRONG_LIMITS =
  'authorize must return undefined, a Response, or the limits of a keyring, like { actor, owner, grantable }.'

const FORGED = problem(
  'forged_request',
  'This request may come from a page of another site. A browser must send it from the same origin. Send `X-Twinkey: 1`, and with a change also `Content-Type: application/json`.',
)

const UNTYPED = problem(
  'unsupported_media_type',
  'A change must have `Content-Type: application/json`, even without a body.',
)

const NOT_FOUND = problem('not_found', 'There is nothing here.')

function sessionExpired({ headers }: Response): WireAnswer {
  const login = headers.get('location') ?? undefined
  return problem('session_expired', 'The session has ended. Sign in again.', { login })
}

/** Where the changes of a request come from, for the history. */
export function sourceOf(request: WireRequest, deployment: Deployment): ChangeSource {
  const source = {
    requestId: request.requestId,
    address: addressOf(deployment)(request),
    userAgent: request.header('user-agent'),
  }
  return Object.fromEntries(Object.entries(source).filter(([, text]) => text !== undefined))
}

/** What the API tells a caller about itself. Times are epoch milliseconds. */
export interface Session {
  readonly actor: string
  /** Null for a caller who sees the keys of every owner. */
  readonly owner: string | null
  /** Null for a caller who sees the keys of every tenant. */
  readonly tenants: readonly string[] | null
  readonly grantable: Authority['grantable']
  /** The environments that the deployment serves. */
  readonly environments: ScopeValue
  readonly can: Authority['can']
  /** The policy of the caller, narrowed by those of the deployment. */
  readonly policy: KeyPolicy
  /** The limits of keys whose own are null. */
  readonly defaultLimits: readonly KeyLimit[]
  /** Without a limiter, no key can have limits. */
  readonly hasLimiter: boolean
  readonly now: number
}

/** What a session tells about the deployment. */
export interface DescribedDeployment {
  /** The environments that the deployment serves. */
  readonly environments: ScopeValue
  /** Rules for all keys. */
  readonly policies: DeploymentPolicies
  /** Whether it counts the requests of keys. */
  readonly hasLimiter: boolean
}

/** Describes a caller to itself. */
export function sessionOf(
  { authority }: Caller,
  { environments, policies, hasLimiter }: DescribedDeployment,
  now: number,
): Session {
  const { actor, owner = null, tenants = null, grantable, can } = authority
  const policy = shownPolicy(narrowPolicy(policies, authority.policy), owner)
  const defaultLimits = policies.limits ?? []
  const caller = { actor: actor as string, owner, tenants, grantable, environments, can }
  return { ...caller, policy, defaultLimits, hasLimiter, now }
}
