import type { RequestHandler } from 'express'

/** One entry of a router: a route, something mounted, or a middleware. */
export interface Layer {
  readonly name: string
  readonly handle: RequestHandler & { readonly stack?: readonly Layer[] }
  readonly route?: unknown
  /** True of Express 5 for a mount at `/`. */
  readonly slash?: boolean
  /** The path as the application wrote it: with Express 5, since `router` 2.3. */
  readonly rawPath?: unknown
  readonly matchers?: readonly ((path: string) => { readonly path: string } | false)[]
  /** With Express 4, which keeps the compiled path only. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly { readonly name: string | number }[]
}

interface Application {
  readonly parent?: Application
  /** Express 4 throws where its `router` is read. */
  readonly _router?: { readonly stack: readonly Layer[] }
  readonly router?: { readonly stack: readonly Layer[] }
}

/** What is looked for in the routers of an application. */
export interface Search {
  readonly route: unknown
  /** From the outermost application to the one that has the route. */
  readonly apps: readonly Application[]
  /**
   * The templates of the mounts by which the route can be reached; undefined among them for one
   * that cannot be told.
   */
  readonly found: Set<string | undefined>
}

/** Where in the routers. */
export interface Place {
  readonly stack: readonly Layer[]
  /** The application that the stack belongs to, by its place in {@link Search.apps}. */
  readonly depth: number
}

/** Whether the route stands there or below. */
export function reaches(search: Search, place: Place, seen: Set<unknown>): boolean {
  if (seen.has(place.stack)) return false
  seen.add(place.stack)
  return place.stack.some((layer) => {
    if (layer.route !== undefined) return layer.route === search.route
    const below = belowOf(search, layer, place)
    return below !== undefined && reaches(search, below, seen)
  })
}

/** What is mounted at a layer, where that is a router or the next of the applications. */
export function belowOf(
  { apps }: Search,
  { name, handle }: Layer,
  { depth }: Place,
): Place | undefined {
  const app = apps[depth + 1]
  // Express mounts an application behind a function of this name.
  if (name === 'mounted_app' && app !== undefined) return { stack: stackOf(app), depth: depth + 1 }
  return Array.isArray(handle.stack) ? { stack: handle.stack, depth } : undefined
}

/** An application with those that it is mounted in, the outermost first. */
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

/** What an application has in its router. */
export function stackOf(app: Application): readonly Layer[] {
  return (app._router ?? app.router)?.stack ?? []
}
