/**
 * Describes guards in the OpenAPI document of an application: how callers authenticate, and what a
 * refused request looks like. What it returns is valid in OpenAPI 3.0 and 3.1.
 *
 * @module twinkey/openapi
 */

export type { BodySchema } from './body-schema.ts'
export {
  type FastifyRefusalResponse,
  fastifyResponses,
  type RefusalHeader,
  type RefusalResponse,
  type RefusalStatus,
  refusalSchema,
  responses,
} from './responses.ts'
export { type Security, type SecurityOptions, security } from './security.ts'
