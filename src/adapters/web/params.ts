import { UNREADABLE } from '../../http/headers.ts'
import { readParam } from '../../http/read-param.ts'
import type { MatchedRoute } from '../../http/request.ts'

/**
 * Finds the path parameters of a request: on the request itself, as Bun passes them, or in a
 * further argument with a member `params`, as Next.js does.
 *
 * @returns One value for each argument that has parameters, which may be a promise of them.
 */
export function paramsOf(request: Request, rest: readonly unknown[]): readonly unknown[] {
  return [request, ...rest]
    .map((each) => (each as { readonly params?: unknown } | null | undefined)?.params)
    .filter((params) => typeof params === 'object' && params !== null)
}

/** Whether parameters come as a promise. A parameter that is named `then` is none. */
export function isLate(params: unknown): boolean {
  return typeof (params as PromiseLike<unknown>).then === 'function'
}

/**
 * The route of a request with these parameters. Two arguments that differ are refused, because the
 * handler may use either.
 */
export function routeOf(found: readonly unknown[]): MatchedRoute<Request> {
  return {
    param(_request, name) {
      const [value, ...others] = found.map((params) => readParam(params, name))
      return others.every((other) => other === value) ? value : UNREADABLE
    },
    template: () => undefined,
  }
}
