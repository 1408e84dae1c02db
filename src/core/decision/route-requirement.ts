import type { Refusal } from '../model/refusal.ts'
import type { Axis } from '../model/scope.ts'
import type { Throttle } from './throttle.ts'

/** A credential as it was found in a request, before anything is believed of it. */
export interface Credential {
  readonly text: string
  /**
   * What the text must match, where it has not been matched yet. What was minted here does;
   * anything else that does not is malformed.
   */
  readonly form?: RegExp | undefined
  /** Which kinds may stand in the place where it was found. */
  readonly kinds: 'secret' | 'token' | 'either'
  /**
   * Whether shared caches know that place to be a credential: the `Authorization` field (RFC 9111,
   * section 3.5).
   */
  readonly inAuthorizationHeader: boolean
}

/**
 * Reads one name out of a request: the name, undefined where the request does not say, or a refusal
 * where it cannot be read.
 */
export interface TargetReader<R> {
  (request: R): string | Refusal | undefined
  /**
   * Whether a request may leave the name out on a route with this reader. Without it, a reader of a
   * route that answers undefined refuses the request as `target_missing`. For a function of your
   * own: `Object.assign(read, { optional: true })`. Readers of a profile are optional without it.
   */
  readonly optional?: boolean | undefined
}

/** Where a credential and a target stand in a request. */
export interface RequestReader<R> {
  credential(request: R): Credential | Refusal
  /** What the request itself names on an axis. */
  readonly target?: { readonly [axis in Axis]?: TargetReader<R> }
  /**
   * The axes on which names are told apart without regard to ASCII case; they are mapped to the
   * spelling of a listed name.
   */
  readonly caseInsensitive?: readonly Axis[]
  /** How the convention calls the holder of a key of that name. */
  username?(name: string): string
}

/** What a route asks of a request. */
export interface RouteRequirement<R> {
  readonly reader: RequestReader<R>
  readonly acceptsSecret: boolean
  readonly acceptsToken: boolean
  readonly optional: boolean
  readonly anyTarget: boolean
  /** What is read from each request to tell its target. */
  readonly readers: readonly TargetReader<R>[]
  /**
   * Who names what, axis by axis in the order of the axes, first the route and then the profile: a
   * fixed name, the place in `readers` of what reads it, or undefined for nobody.
   */
  readonly names: readonly (string | number | undefined)[]
  /** The axes that the route reads from the request and that every request must name. */
  readonly required: readonly Axis[]
  /** What counts refused credentials by peer. Never asked where a known credential is let in. */
  readonly throttle?: Required<Throttle<R>> | undefined
}

const TEXT_ONLY = { secret: textRequirement('secret'), token: textRequirement('token') }

/** What is asked of a credential that comes as text, without a request: its kind, and no target. */
export function textOnly(kind: 'secret' | 'token'): RouteRequirement<string> {
  return TEXT_ONLY[kind]
}

function textRequirement(kind: 'secret' | 'token'): RouteRequirement<string> {
  return {
    // Only a string is text: an array with a secret in it would convert to one.
    reader: {
      credential: (text) => ({
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
  }
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
