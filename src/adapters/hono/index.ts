/**
 * Guards and mounted endpoints for Hono 4.
 *
 * @module twinkey/hono
 */

export { from } from '../../guard/readers.ts'
export { requireAuth } from './guard.ts'
export { mount } from './mount.ts'
export { getPrincipal } from './principal.ts'
