import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { keptPrincipal } from '../../guard/principal.ts'
import { type RequestOf, requestIn } from './request-of.ts'
import { requiredOf } from './required.ts'

/** Options of {@link KeyPrincipal}. */
export interface KeyPrincipalOptions {
  /** Passes undefined for an anonymous request behind an `optional` guard. Default: false. */
  readonly optional?: boolean | undefined
  /** Returns the request in a GraphQL context, as the option of `TwinkeyModule`. */
  readonly requestOf?: RequestOf | undefined
}

const NAMES = {
  reader: '@KeyPrincipal()',
  advice: {
    missing: 'Put @RequireKey() on the method or its class.',
    optional: 'With { optional: true }, the parameter is undefined for it.',
  },
}

const FROM_CONTEXT = createParamDecorator(
  ({ optional, requestOf }: KeyPrincipalOptions, context: ExecutionContext) => {
    const { request, keeper, wire } = requestIn(context, requestOf)
    // Nest runs no guards for the fields of an object by default. Such a field has the principal of
    // its operation.
    const isField = context.getType() !== 'ws' && requiredOf(context) === undefined
    const of = isField && Reflect.ownKeys(keeper).length === 0 ? request : keeper
    return keptPrincipal(of, optional, () => wire(undefined), NAMES)
  },
)

/**
 * Passes the principal of a guarded request to a parameter. If no guard has run for the request, or
 * if it is anonymous and `optional` is not true, Nest handles a TypeError, which answers 500.
 *
 * @param options For anonymous requests and for GraphQL.
 * @returns A decorator of a parameter of the type `Principal`.
 */
export function KeyPrincipal(options: KeyPrincipalOptions = {}): ParameterDecorator {
  return FROM_CONTEXT(options)
}
