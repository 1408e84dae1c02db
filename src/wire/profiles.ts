export { boomiFlow } from './boomi-flow.ts'
export { type FlareAccount, type FlareOptions, flare } from './flare.ts'
export { flowgear } from './flowgear.ts'
export { standard } from './standard.ts'
