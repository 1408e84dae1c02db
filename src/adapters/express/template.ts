import { stepOf } from './mount.ts'
import { appsOf, belowOf, type Place, reaches, type Search, stackOf } from './router.ts'

/** The part of Express's request that says which route was matched. */
export interface RoutedRequest {
  /**
   * The text that the mounts above the route have taken from the URL. The caller wrote it: it is
   * compared, and never becomes part of a template.
   */
  readonly baseUrl: string
  readonly route: { readonly path?: unknown } | undefined
  readonly app?: unknown
}

/**
 * The template of the matched route with its mount points, as the application wrote them. Undefined
 * where there is no route, where Express does not keep the path of a mount, and where more than one
 * mount may have led to the route.
 */
export function templateOf({ baseUrl, route, app }: RoutedRequest): string | undefined {
  const path = route?.path
  if (typeof path !== 'string') return undefined
  const search: Search = { route, apps: appsOf(app), found: new Set() }
  const [root] = search.apps
  if (root !== undefined)
    collectTemplates(search, { stack: stackOf(root), depth: 0 }, '', baseUrl, [])
  // Not found where no application of Express stands above the router, or a function that hides it.
  // At the root that is no matter.
  if (search.found.size === 0 && baseUrl === '') return path
  const [mount, ...others] = search.found
  if (mount === undefined || others.length > 0) return undefined
  return path === '/' && mount !== '' ? mount : mount + path
}

// Goes down every mount that the base URL may have come through. The first one is not taken for the
// right one: a handler there may have called `next()`. `above` are the stacks that were entered
// with the same rest: a router that is mounted in itself ends here.
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
