import { useEffect, useRef, useState } from 'preact/hooks'

/** The screens of one key. */
const SCREENS = [
  'detail',
  'edit',
  'renew',
  'leak',
  'enable',
  'disable',
  'revoke',
  'delete',
] as const

/** A screen of one key. */
export type Screen = (typeof SCREENS)[number]

/** The screens that are sheets. The others are small dialogs above the list or a sheet. */
export const SHEETS: readonly Screen[] = ['detail', 'edit', 'renew']

/** What the page shows above the list. */
export type Route =
  | { readonly at: 'list' }
  | { readonly at: 'create' }
  | { readonly at: 'key'; readonly id: string; readonly screen: Screen }

/** Moves between screens. Each move is an entry of the browser's history. */
export interface Navigation {
  readonly route: Route
  /** The list or the sheet from which a small dialog was opened. Undefined after a reload. */
  readonly below: Route | undefined
  go(route: Route): void
  /** Closes the screen. */
  back(): void
}

/** Reads a route from the hash of the address. Unknown ones are the list. */
function routeOf(hash: string): Route {
  const [area, id, screen = 'detail'] = hash.replace(/^#\/?/, '').split('/')
  if (area === 'new') return { at: 'create' }
  const known = SCREENS.find((each) => each === screen)
  if (area !== 'keys' || !id || known === undefined) return { at: 'list' }
  return /^[0-9A-Za-z]{1,64}$/.test(id) ? { at: 'key', id, screen: known } : { at: 'list' }
}

/** The hash of a route. */
export function hashOf(route: Route): string {
  if (route.at === 'list') return '#/'
  if (route.at === 'create') return '#/new'
  return `#/keys/${route.id}${route.screen === 'detail' ? '' : `/${route.screen}`}`
}

/** How many entries of the browser's history are from this page. */
const depth = () => (history.state as { depth?: number } | null)?.depth ?? 0

/** Follows the address. */
export function useNavigation(): Navigation {
  const [route, setRoute] = useState(() => routeOf(location.hash))
  const stack = useRef<Route[]>([])
  useEffect(() => {
    const follow = () => {
      stack.current.length = Math.min(stack.current.length, depth())
      setRoute(routeOf(location.hash))
    }
    addEventListener('popstate', follow)
    return () => removeEventListener('popstate', follow)
  }, [])
  return {
    route,
    below: stack.current.findLast((each) => each.at !== 'key' || SHEETS.includes(each.screen)),
    go(next) {
      stack.current.push(route)
      history.pushState({ depth: depth() + 1 }, '', hashOf(next))
      setRoute(next)
    },
    back() {
      if (depth() > 0) return history.back()
      history.replaceState(null, '', hashOf({ at: 'list' }))
      setRoute({ at: 'list' })
    },
  }
}
