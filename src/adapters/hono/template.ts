import type { Context } from 'hono'

type Handler = Context['req']['matchedRoutes'][number]['handler'] & {
  readonly __COMPOSED_HANDLER?: Handler
}
type Entry = Context['req']['matchedRoutes'][number] & { readonly handler: Handler }

/**
 * The template of the matched route; undefined where a guard stands on another path than the
 * handler that comes next.
 */
export function readTemplate({ req }: Context): string | undefined {
  // Hono takes a middleware for a route, too, whose template is its own.
  const [own, ...below]: Entry[] = req.matchedRoutes.slice(req.routeIndex)
  if (own === undefined || isHandler(own)) return own?.path
  const next = below.find((each) => each.method !== 'ALL' || isHandler(each))
  // Where all of them may be middleware, one of them is the handler, unless there is none.
  const ends = next === undefined ? below : [next]
  if (ends.length === 0 && own.method === 'ALL') return undefined
  return ends.every(({ path }) => path === own.path) ? own.path : undefined
}

// Hono itself tells a handler from a middleware by that. It wraps those of an application with an
// error handler of its own.
function isHandler({ handler }: Pick<Entry, 'handler'>): boolean {
  return handler.__COMPOSED_HANDLER === undefined
    ? handler.length < 2
    : isHandler({ handler: handler.__COMPOSED_HANDLER })
}
