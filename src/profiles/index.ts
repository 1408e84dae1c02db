/**
 * The wire conventions: where a request carries its credential and its target, and how a refusal
 * looks.
 *
 * @module twinkey/profiles
 */

export { securitySchemes } from '../http/profile.ts'
export { boomiFlow } from './boomi-flow.ts'
export { type FlareAccount, type FlareOptions, flare } from './flare.ts'
export { flowgear } from './flowgear.ts'
export { type StandardOptions, standard } from './standard.ts'
