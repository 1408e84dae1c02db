/**
 * An authorization server for OAuth clients that act for themselves, and the metadata of its
 * resources.
 *
 * @module twinkey/oauth
 */

export type { Introspect } from './introspection.ts'
export {
  type McpAuthInfo,
  type McpAuthInfoOptions,
  type McpTokenVerifier,
  type McpTokenVerifierOptions,
  mcpAuthInfo,
  mcpPrincipal,
  mcpTokenVerifier,
} from './mcp.ts'
export { resourceMetadataUrl } from './metadata.ts'
export { type OAuthEndpointOptions, oauthEndpoints } from './oauth-endpoints.ts'
