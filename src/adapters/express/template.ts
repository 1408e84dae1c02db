import { stepOf } from './mount-step.ts'
import { appsOf, belowOf, type Place, reaches, type Search, stackOf } from './router.ts'

/** The part of Express's request that identifies the matched route. */
export interface RoutedRequest {
  /**
   * The part of the URL that the mounts above the route have matched. The caller controls it, so it
   * is only compared and never becomes part of a template.
   */
  readonly baseUrl: string
  readonly route: { readonly path?: unknown } | undefined
  readonly app?: unknown
}

/**
 * Returns the template of the matched route with its mount paths, as the application wrote them.
 * Undefined without a route, if Express does not keep the path of a mount, or if several mounts
 * with different templates may have led to the route.
 */
export function templateOf({ baseUrl, route, app }: RoutedRequest): string | undefined {
  const path = route?.path
  if (typeof path !== 'string') return undefined
  const search: Search = { route, apps: appsOf(app), found: new Set() }
  const [root] = search.apps
  if (root !== undefined)
    collectTemplates(search, { stack: stackOf(root), depth: 0 }, '', baseUrl, [])
  // The search finds nothing if the router has no Express application above it, or if a function
  // wraps the router. At the root, the path alone is the template.
  if (search.found.size === 0 && baseUrl === '') return path
  const [mount, ...others] = search.found
  if (mount === undefined || others.length > 0) return undefined
  return path === '/' && mount !== '' ? mount : mount + path
}

// Searches every mount that matches the base URL. The first match may be wrong, because a handler
// there may have called `next()`. `above` holds the stacks entered with the same rest, so that the
// search ends for a router that is mounted in itself.
function collectTemplates(
  search: Search,
  place: Place,
  template: string,
  rest: string,
  above: readonly unknown[],
): void {
  if (above.includes(place.stack)) return
  for (const layer of place.stack) {
    if (layer.route !== undefined) {
      if (layer.route === search.route && rest === '') search.found.add(template)
      continue
    }
    const below = belowOf(search, layer, place)
    if (below === undefined || !reaches(search, below, new Set())) continue
    const step = stepOf(layer, rest)
    if (step === undefined) search.found.add(undefined)
    else if (step !== 'none') {
      const entered = step.taken === '' ? [...above, place.stack] : []
      collectTemplates(
        search,
        below,
        template + step.template,
        rest.slice(step.taken.length),
        entered,
      )
    }
  }
}
