/**
 * Guards and the token service for Hono 4.
 *
 * @module twinkey/hono
 */

export { header, param, query, routeTemplate } from '../../guard/readers.ts'
export { requireAuth } from './guard.ts'
export { getPrincipal } from './principal.ts'
export { tokenRoutes } from './token-routes.ts'
