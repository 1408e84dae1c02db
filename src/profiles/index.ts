/**
 * The wire conventions: where a credential and a target stand in a request, and how a refusal
 * looks. @module twinkey/profiles
 */

export { securitySchemes } from '../http/profile.ts'
export { boomiFlow } from './boomi-flow.ts'
export { type FlareAccount, type FlareOptions, flare } from './flare.ts'
export { flowgear } from './flowgear.ts'
export { standard } from './standard.ts'
