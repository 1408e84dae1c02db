import type { RequestHandler } from 'express'

/** An entry of a router: a route, a mounted router or application, or a middleware. */
export interface Layer {
  readonly name: string
  readonly handle: RequestHandler & { readonly stack?: readonly Layer[] }
  readonly route?: unknown
  /** True for a mount at `/` in Express 5. */
  readonly slash?: boolean
  /** The path as the application wrote it: in Express 5, since `router` 2.3. */
  readonly rawPath?: unknown
  readonly matchers?: readonly ((path: string) => { readonly path: string } | false)[]
  /** In Express 4, which keeps only the compiled path. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly { readonly name: string | number }[]
}

interface Application {
  readonly parent?: Application
  /** Express 4 throws if its `router` is read. */
  readonly _router?: { readonly stack: readonly Layer[] }
  readonly router?: { readonly stack: readonly Layer[] }
}

/** A search for a route in the routers of an application. */
export interface Search {
  readonly route: unknown
  /** From the outermost application to the one with the route. */
  readonly apps: readonly Application[]
  /** The mount templates that lead to the route. Undefined stands for an unknown one. */
  readonly found: Set<string | undefined>
}

/** A position in the search. */
export interface Place {
  readonly stack: readonly Layer[]
  /** The index in {@link Search.apps} of the application that owns the stack. */
  readonly depth: number
}

/** Whether the route is in this stack or below it. */
export function reaches(search: Search, place: Place, seen: Set<unknown>): boolean {
  if (seen.has(place.stack)) return false
  seen.add(place.stack)
  return place.stack.some((layer) => {
    if (layer.route !== undefined) return layer.route === search.route
    const below = belowOf(search, layer, place)
    return below !== undefined && reaches(search, below, seen)
  })
}

/** Returns the router, or the next application, that is mounted at a layer. */
export function belowOf(
  { apps }: Search,
  { name, handle }: Layer,
  { depth }: Place,
): Place | undefined {
  const app = apps[depth + 1]
  // Express wraps a mounted application in a function of this name.
  if (name === 'mounted_app' && app !== undefined) return { stack: stackOf(app), depth: depth + 1 }
  return Array.isArray(handle.stack) ? { stack: handle.stack, depth } : undefined
}

/** Returns an application and those it is mounted in, outermost first. */
export function appsOf(app: unknown): readonly Application[] {
  const apps: Application[] = []
  for (
    let each = app as Application | undefined;
    each !== undefined && !apps.includes(each);
    each = each.parent
  )
    apps.unshift(each)
  return apps
}

/** Returns the router stack of an application. */
export function stackOf(app: Application): readonly Layer[] {
  return (app._router ?? app.router)?.stack ?? []
}
