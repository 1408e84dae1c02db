/**
 * An authorization server for OAuth clients that act for themselves, and the metadata of its
 * resources.
 *
 * @module twinkey/oauth
 */

export { resourceMetadataUrl } from './metadata.ts'
export { type OAuthEndpointOptions, oauthEndpoints } from './oauth-endpoints.ts'
