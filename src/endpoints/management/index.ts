/**
 * The management API.
 *
 * @module twinkey/management
 */

export { type ManagementOptions, managementEndpoints } from './management-endpoints.ts'
