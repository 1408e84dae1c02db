import type { TargetReader } from '../core/decision/route-requirement.ts'
import { requireMembers } from '../core/model/options-checks.ts'
import { parameterUnseen } from '../core/model/refusal.ts'
import { readHeader, readQuery, type WireRequest } from '../http/request.ts'

// Marks the functions that make readers, so that passing `from.param` instead of
// `from.param('id')` is an error. Only pure calls make `from`, so that bundlers can drop it where
// it is not used. The symbol is registered, because several copies of the package may meet in one
// process.
export const MAKER = Symbol.for('twinkey.reader-maker')

function maker<F>(make: F): F {
  return Object.defineProperty(make, MAKER, {})
}

// RFC 9110, section 5.1: a token.
const FIELD_NAME = /^[\w!#$%&'*+.^`|~-]+$/

/** What a reader does with a request that lacks the name. */
export interface ReaderOptions {
  /**
   * Accepts requests without the name. The name then comes from the profile, from the deployment,
   * or, for the tenant, from a credential that reaches exactly one tenant. Default: false, which
   * refuses such requests.
   */
  readonly optional?: boolean | undefined
}

/**
 * The readers of names in a request, for the requirement of a route: `tenant: from.param('tenant')`.
 */
export const from = /* @__PURE__ */ Object.freeze({
  /**
   * Creates a reader of a path parameter, such as `:tenant` in `/tenants/:tenant`. Refuses the
   * request if the guard cannot see the parameter, because it is misspelled, absent, or matched
   * further down: otherwise the credential would supply the name that belongs in the path. Make the
   * reader optional only if the parameter is optional in the path.
   */
  param: /* @__PURE__ */ maker(
    (name: string, options: ReaderOptions = {}): TargetReader<WireRequest> => {
      requireReaderName('from.param', name)
      if (name.startsWith(':'))
        throw new TypeError(
          "from.param: the name has no colon before it, as in from.param('tenant').",
        )
      const optional = optionOf('from.param', options)
      const unseen = (template: string | undefined) =>
        optional ? undefined : parameterUnseen({ parameter: name, template })
      return withOption(optional, (request) => request.param(name) ?? unseen(request.template))
    },
  ),

  /**
   * Creates a reader of a header. Refuses a repeated header, a comma in the value, and characters
   * other than printable ASCII. Refuses a request without the header, unless the reader is
   * optional. `from.header('host')` also reads `:authority` of HTTP/2, and refuses the request if
   * that, `Host` and the host of an absolute URL differ.
   */
  header: /* @__PURE__ */ maker(
    (name: string, options: ReaderOptions = {}): TargetReader<WireRequest> => {
      requireReaderName('from.header', name)
      if (!FIELD_NAME.test(name))
        throw new TypeError(
          "from.header: the name must be one that a header can have, as in from.header('x-tenant').",
        )
      const lower = name.toLowerCase()
      return withOption(optionOf('from.header', options), (request) => readHeader(request, lower))
    },
  ),

  /**
   * Creates a reader of a query parameter. Refuses a repeated name. Refuses a request without the
   * name, unless the reader is optional.
   */
  query: /* @__PURE__ */ maker(
    (name: string, options: ReaderOptions = {}): TargetReader<WireRequest> => {
      requireReaderName('from.query', name)
      return withOption(optionOf('from.query', options), (request) => readQuery(request.url, name))
    },
  ),

  /**
   * Creates a reader that names the workflow by method and route template, such as `GET
   * /customers/:id/`. Use it for keys whose permitted workflows are routes. HEAD counts as GET. The
   * template includes the mount paths, as the application spells them.
   *
   * A guard that is not on a route, as in `app.use()`, cannot see the template and refuses the
   * request. So does a guard on Express if the mount path of a router is unknown. The `advice` of
   * the event `access.refused` says what to do.
   */
  routeTemplate: /* @__PURE__ */ maker(
    (): TargetReader<WireRequest> => (request) => {
      const { method, template } = request
      if (template === undefined)
        return parameterUnseen({ parameter: undefined, template, advice: request.templateAdvice })
      return `${method === 'HEAD' ? 'GET' : method} ${template}`
    },
  ),
})

function optionOf(reader: string, options: ReaderOptions): boolean {
  requireMembers(options, ['optional'], `${reader}: the options`)
  return isOptional(reader, options)
}

/** Reads `optional` from the options of a reader, or from a reader function of the application. */
export function isOptional(of: string, options: ReaderOptions): boolean {
  const optional = Object.hasOwn(options, 'optional') ? options.optional : undefined
  if (optional !== undefined && typeof optional !== 'boolean')
    throw new TypeError(`${of}: optional must be true or false.`)
  return optional === true
}

function withOption(optional: boolean, read: TargetReader<WireRequest>): TargetReader<WireRequest> {
  return optional ? Object.assign(read, { optional }) : read
}

function requireReaderName(reader: string, name: unknown): void {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`${reader}: the name must be a string that is not empty.`)
}
