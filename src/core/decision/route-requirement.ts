import type { Principal } from '../model/principal.ts'
import type { Refusal } from '../model/refusal.ts'
import type { Axis } from '../model/scope.ts'
import type { Throttle } from './throttle.ts'

/** A credential as it was found in a request, unverified. */
export interface Credential {
  readonly text: string
  /**
   * A pattern that the text must match, unless the reader has checked it. Every credential that was
   * issued here matches. Text that does not match is malformed.
   */
  readonly form?: RegExp | undefined
  /** The kinds that are permitted in the place where it was found. */
  readonly kinds: 'secret' | 'token' | 'either'
  /**
   * Whether it was found in the `Authorization` field, which keeps shared caches from storing the
   * response (RFC 9111, section 3.5).
   */
  readonly inAuthorizationHeader: boolean
}

/**
 * Reads one name from a request. Returns the name, undefined if the request has none, or a refusal
 * if the name cannot be read.
 */
export interface TargetReader<R> {
  (request: R): string | Refusal | undefined
  /**
   * Whether requests may omit the name. Default: false, and a route refuses a request as
   * `target_missing` if its reader returns undefined. For a function of your own:
   * `Object.assign(read, { optional: true })`. Readers of a profile are always optional.
   */
  readonly optional?: boolean | undefined
}

/** Where a request carries its credential and its target. */
export interface RequestReader<R> {
  credential(request: R): Credential | Refusal
  /** Reads the names that the request itself gives. */
  readonly target?: { readonly [axis in Axis]?: TargetReader<R> }
  /**
   * The axes on which names are compared without ASCII case. A name takes the spelling of the
   * listed name that it equals.
   */
  readonly caseInsensitive?: readonly Axis[]
  /** The username that the convention derives from the name of a key. */
  username?(name: string): string
}

/** What a route requires of a request. */
export interface RouteRequirement<R> {
  readonly reader: RequestReader<R>
  readonly acceptsSecret: boolean
  readonly acceptsToken: boolean
  readonly optional: boolean
  readonly anyTarget: boolean
  /** The readers that are called for each request to find its target. */
  readonly readers: readonly TargetReader<R>[]
  /**
   * Two sources for each axis, in the order of the axes: the route, then the profile. A source is a
   * fixed name, the index of its reader in `readers`, or undefined for none.
   */
  readonly names: readonly (string | number | undefined)[]
  /** The axes that the route reads and that every request must name. */
  readonly required: readonly Axis[]
  /**
   * The audiences whose tokens the route accepts. Default: the audience of the deployment, without
   * its further resources. Does not limit secrets.
   */
  readonly audiences?: readonly string[] | undefined
  /** Counts refused credentials by peer. Not called for a recognised credential. */
  readonly throttle?: Required<Throttle<R>> | undefined
  /** How many requests this one counts as for the limits of the key. Default: 1. */
  readonly cost?: number | undefined
  /** Returns the address of the client. Called only for a key that is limited to networks. */
  address?(request: R): unknown
  /** The decision of the route itself. Called last, if all other checks allow the request. */
  readonly authorize?: ((principal: Principal, request: R) => unknown) | undefined
}

/** A credential that is passed as text, without a request or a target. */
export interface CredentialText {
  readonly text: string
  /** The address of the client, if the application knows it. */
  readonly address?: string | undefined
}

const TEXT_ONLY = { secret: textRequirement('secret'), token: textRequirement('token') }

/** The requirement for a credential that is passed as text. */
export function textOnly(kind: 'secret' | 'token'): RouteRequirement<CredentialText> {
  return TEXT_ONLY[kind]
}

function textRequirement(kind: 'secret' | 'token'): RouteRequirement<CredentialText> {
  return {
    // Rejects an array, which would convert to the secret in it.
    reader: {
      credential: ({ text }) => ({
        text: typeof text === 'string' ? text : '',
        kinds: kind,
        inAuthorizationHeader: true,
      }),
    },
    acceptsSecret: kind === 'secret',
    acceptsToken: kind === 'token',
    optional: false,
    anyTarget: true,
    readers: [],
    names: [],
    required: [],
    address: ({ address }) => address,
  }
}

/**
 * Whether a route accepts credentials for that audience.
 *
 * @param audience Undefined for a secret, which is for every audience.
 * @param byDefault The audience of a route that names none.
 */
export function acceptsAudience(
  { audiences }: RouteRequirement<never>,
  audience: string | undefined,
  byDefault: string,
): boolean {
  if (audience === undefined) return true
  return audiences === undefined ? audience === byDefault : audiences.includes(audience)
}

/** The kinds that a place may hold and a route accepts, or undefined for none. */
export function acceptedKinds(
  kinds: Credential['kinds'],
  { acceptsSecret, acceptsToken }: RouteRequirement<never>,
): Credential['kinds'] | undefined {
  const secret = acceptsSecret && kinds !== 'token'
  const token = acceptsToken && kinds !== 'secret'
  if (secret && token) return 'either'
  if (secret) return 'secret'
  return token ? 'token' : undefined
}
