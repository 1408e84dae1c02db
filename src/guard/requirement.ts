import type { RouteRequirement, TargetReader } from '../core/decision/route-requirement.ts'
import type { Throttle } from '../core/decision/throttle.ts'
import { nameProblem } from '../core/model/checks.ts'
import { copyList } from '../core/model/copy.ts'
import { requireMembers } from '../core/model/options-checks.ts'
import { parameterUnseen } from '../core/model/refusal.ts'
import { AXES, type Axis } from '../core/model/scope.ts'
import type { Profile } from '../http/profile.ts'
import { readHeader, readQuery, type WireRequest } from '../http/request.ts'
import { standard } from '../profiles/standard.ts'

/**
 * A name on one axis: fixed, or read from each request by {@link param}, {@link header}, {@link
 * query} or a function of your own. A reader that finds no name refuses the request as
 * `target_missing`, unless it is optional.
 */
export type TargetSource = string | TargetReader<WireRequest>

/**
 * What a route asks of a request. Every axis on which a credential is limited must be named: here,
 * by the profile, or by the deployment.
 */
export interface Requirement {
  /**
   * Where the tenant of a request stands. Where nobody names one, it is the credential's own, if
   * that is exactly one; a key for all tenants then passes with `principal.tenant` undefined, so
   * read it from the path where a handler needs one.
   */
  readonly tenant?: TargetSource | undefined
  /**
   * Where the environment stands. Where nobody names one, it is the one that the deployment serves,
   * if that is exactly one.
   */
  readonly environment?: TargetSource | undefined
  /** The workflow that this route is, as in `'customers.read'`. */
  readonly workflow?: TargetSource | undefined
  /** The wire convention: {@link standard} unless given. */
  readonly profile?: Profile | undefined
  /** Which kinds of credential the route takes: both unless given. */
  readonly accept?: readonly ('secret' | 'token')[] | undefined
  /**
   * Lets a request without a credential pass with no principal, and one whose credential another
   * system issued. One of ours that is not live is refused.
   */
  readonly optional?: boolean | undefined
  /** For a route that serves no target, like "who am I": no axis is checked. */
  readonly anyTarget?: boolean | undefined
  /**
   * What counts refused credentials by peer, so that whoever guesses has to wait: 429 with
   * Retry-After. Nothing is counted unless given.
   */
  readonly throttle?: Throttle<WireRequest> | undefined
}

// What makes a reader is marked, because it can be handed in for one by mistake. Marked by a pure
// call, so that a bundle without it needs none. Registered, as every mark is: a bundler may put a
// copy of the package into each of its bundles, and what one makes is handed to another.
const MAKER = Symbol.for('twinkey.reader-maker')

function maker<F>(make: F): F {
  return Object.defineProperty(make, MAKER, {})
}

// RFC 9110, section 5.1: a token.
const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/

/** How a reader takes a request that does not have the name. */
export interface ReaderOptions {
  /**
   * Lets a request leave the name out: then it is named by the profile, by the deployment, or, for
   * the tenant, by a credential that reaches exactly one. Default: false, and a request without the
   * name is refused.
   */
  readonly optional?: boolean | undefined
}

/**
 * Reads a name from a parameter of the matched route, as in `/tenants/:tenant`. Where the guard
 * cannot see that parameter, because it is misspelt, left out or matched further down, the request
 * is refused: what the route says it is about must not be taken from the credential instead. Make
 * it optional only for a parameter that the path itself may leave out.
 */
export const param = /* @__PURE__ */ maker(
  (name: string, options: ReaderOptions = {}): TargetReader<WireRequest> => {
    requireReaderName('param', name)
    if (name.startsWith(':'))
      throw new TypeError("param: the name has no colon before it, as in param('tenant').")
    const optional = optionOf('param', options)
    const unseen = (template: string | undefined) =>
      optional ? undefined : parameterUnseen({ parameter: name, template })
    return withOption(optional, (request) => request.param(name) ?? unseen(request.template))
  },
)

/**
 * Reads a name from a header. A repeated header, a comma in it, or anything but ASCII is refused,
 * and so is a request without the header, unless the reader is optional. `header('host')` reads the
 * `:authority` of HTTP/2 too; where that, `Host` and an absolute URL differ, the request is
 * refused.
 */
export const header = /* @__PURE__ */ maker(
  (name: string, options: ReaderOptions = {}): TargetReader<WireRequest> => {
    requireReaderName('header', name)
    if (!FIELD_NAME.test(name))
      throw new TypeError(
        "header: the name must be one that a header can have, as in header('x-tenant').",
      )
    const lower = name.toLowerCase()
    return withOption(optionOf('header', options), (request) => readHeader(request, lower))
  },
)

/**
 * Reads a name from the query. A repeated name is refused, and so is a request without it, unless
 * the reader is optional.
 */
export const query = /* @__PURE__ */ maker(
  (name: string, options: ReaderOptions = {}): TargetReader<WireRequest> => {
    requireReaderName('query', name)
    return withOption(optionOf('query', options), (request) => readQuery(request.url, name))
  },
)

/**
 * Names the workflow by method and template of the matched route, as in `GET /customers/:id/`: for
 * keys whose permitted workflows are routes. HEAD counts as GET. The template begins with those of
 * the mounts, as the application spells them. A guard that stands on no route, as in `app.use()`,
 * cannot see its template, and refuses the request. So does one where Express does not say at which
 * path a router is mounted: `advice` in the event `access.refused` says what to do.
 */
export const routeTemplate = /* @__PURE__ */ maker(
  (): TargetReader<WireRequest> => (request) => {
    const { method, template } = request
    if (template === undefined)
      return parameterUnseen({ parameter: undefined, template, advice: request.templateAdvice })
    return `${method === 'HEAD' ? 'GET' : method} ${template}`
  },
)

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
  'optional',
  'anyTarget',
  'throttle',
]

const CHECKED = Symbol.for('twinkey.requirement')

/** A requirement in its checked form, which a guard of any copy of the package may have made. */
export function checkedRequirement(
  requirement: Requirement | CheckedRequirement,
): CheckedRequirement {
  const isChecked =
    typeof requirement === 'object' && requirement !== null && CHECKED in requirement
  return isChecked ? (requirement as CheckedRequirement) : new CheckedRequirement(requirement)
}

/**
 * A requirement that has been checked, in the form in which the core takes it. Made once for a
 * route, not for each request.
 */
export class CheckedRequirement implements RouteRequirement<WireRequest> {
  readonly reader: Profile
  readonly acceptsSecret: boolean
  readonly acceptsToken: boolean
  readonly optional: boolean
  readonly anyTarget: boolean
  readonly readers: RouteRequirement<WireRequest>['readers']
  readonly names: RouteRequirement<WireRequest>['names']
  readonly required: RouteRequirement<WireRequest>['required']
  readonly throttle: RouteRequirement<WireRequest>['throttle']
  /** The workflow, where it is fixed: a refusal may name it. */
  readonly workflow: string | undefined

  /** @throws TypeError with what to do, where the requirement would not guard what it seems to. */
  constructor(given: Requirement) {
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
          `requireAuth: ${axis} ${problem}, or a reader that was called, like param('id'), header('x-id') or query('id').`,
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
    this.throttle = throttle === undefined ? undefined : throttleOf(throttle)
    this.workflow = typeof target.workflow === 'string' ? target.workflow : undefined
    Object.defineProperty(this, CHECKED, { value: true })
    Object.freeze(this)
  }
}

// A number would stand for the reader at that index, which may be of another axis.
function readerOf({ target }: Profile, axis: Axis): TargetReader<WireRequest> | undefined {
  const reader: unknown = target?.[axis]
  if (reader !== undefined && typeof reader !== 'function')
    throw new TypeError(
      `requireAuth: profile.target.${axis} must be a function that reads a name from a request.`,
    )
  return reader as TargetReader<WireRequest> | undefined
}

// Called on the object that was given: it may be an instance of a class.
function throttleOf(
  throttle: Throttle<WireRequest>,
): NonNullable<RouteRequirement<WireRequest>['throttle']> {
  const of: unknown = throttle
  if (
    typeof of !== 'object' ||
    of === null ||
    typeof throttle.retryAfterSeconds !== 'function' ||
    typeof throttle.failed !== 'function'
  ) {
    throw new TypeError(
      'requireAuth: throttle must be an object with the methods retryAfterSeconds(peer) and failed(peer).',
    )
  }
  if (throttle.peer !== undefined && typeof throttle.peer !== 'function') {
    throw new TypeError(
      "requireAuth: throttle.peer must be a function from a request to an address, like header('cf-connecting-ip').",
    )
  }
  return {
    retryAfterSeconds: (peer) => throttle.retryAfterSeconds(peer),
    failed: (peer) => throttle.failed(peer),
    peer: (request) => (throttle.peer === undefined ? request.peer : throttle.peer(request)),
  }
}

function optionOf(reader: string, options: ReaderOptions): boolean {
  requireMembers(options, ['optional'], `${reader}: the options`)
  return isOptional(reader, options)
}

// Read from a reader too, so that a function of the application's own is made optional by the same
// word.
function isOptional(of: string, options: ReaderOptions): boolean {
  const optional = Object.hasOwn(options, 'optional') ? options.optional : undefined
  if (optional !== undefined && typeof optional !== 'boolean')
    throw new TypeError(`${of}: optional must be true or false.`)
  return optional === true
}

function withOption(optional: boolean, read: TargetReader<WireRequest>): TargetReader<WireRequest> {
  return optional ? Object.assign(read, { optional }) : read
}

function fixedProblem(name: unknown): string | undefined {
  if (name === '*') return 'must be one name'
  if (typeof name === 'string' && name.startsWith(':'))
    return 'must be a name without a colon before it'
  return nameProblem(name)
}

function requireReaderName(reader: string, name: unknown): void {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`${reader}: the name must be a string that is not empty.`)
}
