import type { Credential } from '../core/decision/route-requirement.ts'
import { isRefusal, type Refusal } from '../core/model/refusal.ts'
import { checkedRequirement, type Requirement } from '../guard/requirement.ts'
import { type Profile, type SecurityScheme, securitySchemes } from '../http/profile.ts'
import type { WireRequest } from '../http/request.ts'
import { standard } from '../profiles/standard.ts'

/** How callers authenticate, in the form of an OpenAPI document. */
export type Security = {
  /** For `components.securitySchemes`. */
  securitySchemes: Record<string, SecurityScheme>
  /** For the `security` of the document or of an operation: one of these is needed. */
  security: Record<string, string[]>[]
  /** For the `security` of the token exchange. */
  exchangeSecurity: Record<string, string[]>[]
}

/** What a route requires, as far as its `security` depends on it. */
export type SecurityOptions = Pick<Requirement, 'accept' | 'optional'>

const PROBE = 'probe'

/**
 * Describes how callers authenticate. Tries each alternative with the reader of the profile, so the
 * document cannot name a place in which the profile does not look for a credential. It does not
 * find places that a profile reads and does not declare.
 *
 * @param profile The profile of the guards. Default: `standard()`.
 * @param options For a route: `accept` leaves out the places that hold no such credential, and
 *   `optional` adds the alternative without a credential. Default: every credential, required.
 * @returns New objects, which you may change.
 * @throws TypeError if the profile does not read a credential in a place that it declares, if its
 *   `security` names a scheme that it does not declare, or if no place is left.
 * @see OpenAPI 3.1, sections 4.8.27 and 4.8.30
 * @example
 * ```ts
 * import { security } from 'twinkey/openapi'
 *
 * const { securitySchemes, security: alternatives } = security()
 * const document = { openapi: '3.1.0', components: { securitySchemes }, security: alternatives }
 * console.log(JSON.stringify(document))
 * ```
 */
export function security(profile: Profile = standard(), options: SecurityOptions = {}): Security {
  const { acceptsSecret, acceptsToken, optional } = checkedRequirement({ ...options, profile })
  const schemes = securitySchemes(profile)
  const isAccepted = ({ kinds }: Pick<Credential, 'kinds'>) =>
    (acceptsSecret && kinds !== 'token') || (acceptsToken && kinds !== 'secret')
  const declared = profile.security ?? Object.keys(schemes).map((name) => [name])
  const routes = declared.filter((names) =>
    isAccepted(tried(profile, names, (request) => profile.credential(request))),
  )
  if (routes.length === 0)
    throw new TypeError(
      `security: the profile ${profile.name} declares no place for the credentials that the route accepts.`,
    )
  const exchange = profile.exchangeSecurity ?? declared
  for (const names of exchange)
    tried(profile, names, (request) =>
      (profile.exchangeCredential ?? profile.credential).call(profile, request),
    )
  return {
    securitySchemes: schemes,
    security: [...routes.map(requirementOf), ...(optional ? [{}] : [])],
    exchangeSecurity: exchange.map(requirementOf),
  }
}

function requirementOf(names: readonly string[]): Record<string, string[]> {
  return Object.fromEntries(names.map((name) => [name, []]))
}

/** Reads a request that has a credential in these places. */
function tried(
  profile: Profile,
  names: readonly string[],
  read: (request: WireRequest) => Credential | Refusal,
): Pick<Credential, 'kinds'> {
  const found = readSafely(profile, names, read)
  const code = isRefusal(found) ? found.code : undefined
  if (code === 'credential_missing' || code === 'credential_ambiguous')
    throw new TypeError(
      `security: the profile ${profile.name} declares ${names.join(' with ')}, but its reader answers ${code} there. Correct its securitySchemes, security or secretHeader, or write the schemes by hand.`,
    )
  // The probe need not have the form that the profile reads, so another refusal says it looked.
  return isRefusal(found) ? { kinds: 'either' } : found
}

function readSafely(
  profile: Profile,
  names: readonly string[],
  read: (request: WireRequest) => Credential | Refusal,
): Credential | Refusal {
  const request = probeOf(profile, names)
  try {
    return read(request)
  } catch (cause) {
    throw new TypeError(
      `security: the reader of the profile ${profile.name} failed for a request with ${names.join(' and ')} alone. Write the schemes by hand.`,
      { cause },
    )
  }
}

function probeOf(profile: Profile, names: readonly string[]): WireRequest {
  const headers = new Map<string, string>()
  const query: string[] = []
  for (const name of names) {
    const scheme = Object.hasOwn(profile.securitySchemes, name)
      ? profile.securitySchemes[name]
      : undefined
    if (scheme === undefined)
      throw new TypeError(
        `security: the profile ${profile.name} names the scheme ${name}, which its securitySchemes lack.`,
      )
    if (scheme.type === 'http') headers.set('authorization', `Bearer ${PROBE}`)
    else if (scheme.in === 'query') query.push(`${encodeURIComponent(scheme.name)}=${PROBE}`)
    else headers.set(scheme.name.toLowerCase(), valueIn(scheme.name, profile))
  }
  return {
    method: 'GET',
    url: query.length === 0 ? '/' : `/?${query.join('&')}`,
    header: (name) => headers.get(name),
    param: () => undefined,
  }
}

function valueIn(header: string, { secretHeader }: Profile): string {
  return secretHeader?.name.toLowerCase() === header.toLowerCase()
    ? secretHeader.value.replace('{secret}', PROBE)
    : PROBE
}
