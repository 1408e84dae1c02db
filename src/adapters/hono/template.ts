import type { Context } from 'hono'

type Handler = Context['req']['matchedRoutes'][number]['handler'] & {
  readonly __COMPOSED_HANDLER?: Handler
}
type Entry = Context['req']['matchedRoutes'][number] & { readonly handler: Handler }

/**
 * Returns the template of the matched route. Undefined if the guard is on a different path than the
 * next handler.
 */
export function readTemplate({ req }: Context): string | undefined {
  // Hono lists each middleware as a route with a template of its own.
  const [own, ...below]: Entry[] = req.matchedRoutes.slice(req.routeIndex)
  if (own === undefined || isHandler(own)) return own?.path
  const next = below.find((each) => each.method !== 'ALL' || isHandler(each))
  // If all of them may be middleware, any of them may be the handler.
  const ends = next === undefined ? below : [next]
  if (ends.length === 0 && own.method === 'ALL') return undefined
  return ends.every(({ path }) => path === own.path) ? own.path : undefined
}

// Hono itself distinguishes handlers from middleware by the number of parameters. It wraps both if
// an application has an error handler of its own.
function isHandler({ handler }: Pick<Entry, 'handler'>): boolean {
  return handler.__COMPOSED_HANDLER === undefined
    ? handler.length < 2
    : isHandler({ handler: handler.__COMPOSED_HANDLER })
}
