/**
 * Guards a service in any language: the endpoint that a proxy asks about each request.
 *
 * @module twinkey/gateway
 */

export type { Endpoints } from '../endpoints.ts'
export { type GatewayOptions, gatewayEndpoints } from './gateway-endpoints.ts'
export type { GatewayProxy } from './original-request.ts'
