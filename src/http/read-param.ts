import { UNREADABLE } from './headers.ts'
import { ownMember } from './request.ts'

/**
 * Reads a parameter from an object of them, for the `param` of a `MatchedRoute`: path parameters of
 * a router, or arguments that were validated. Only own members count, and only a string is a name.
 * Any other value, such as a list of segments, becomes one that every reader refuses, also an
 * optional reader, which would otherwise take the tenant of the credential.
 *
 * @returns The value; undefined without the parameter.
 */
export function readParam(params: unknown, name: string): string | undefined {
  const value = ownMember(params, name)
  return value === undefined || typeof value === 'string' ? value : UNREADABLE
}
