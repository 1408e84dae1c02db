/**
 * The management API.
 *
 * @module twinkey/management
 */

export type { DescribedDeployment, KeyringSource } from './caller.ts'
export { type ManagementService, managementEndpoints } from './management-endpoints.ts'
export type { Authorization, ManagementOptions } from './options.ts'
