import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chain as curl } from './clients/curl.ts'
import { chain as go } from './clients/go.ts'
import { chain as mcpSdk } from './clients/mcp-sdk.ts'
import * as oauth4webapi from './clients/oauth4webapi.ts'
import * as openidClient from './clients/openid-client.ts'
import * as python from './clients/python.ts'
import * as simpleOAuth2 from './clients/simple-oauth2.ts'
import { createClient, type OAuthApi, type RunChain, startOAuthApi } from './oauth-api.ts'

const TIMEOUT = 300_000

const chains: Readonly<Record<string, RunChain>> = {
  'oauth4webapi, Basic': oauth4webapi.chainWith('oauth2'),
  'oauth4webapi, form': oauth4webapi.chainWith('oidc', 'Post'),
  'openid-client, Basic': openidClient.chainWith('oauth2', 'Basic'),
  'openid-client, form': openidClient.chainWith('oidc', 'Post'),
  'simple-oauth2, Basic': simpleOAuth2.chainWith('header'),
  'simple-oauth2, form': simpleOAuth2.chainWith('body'),
  'the MCP SDK': mcpSdk,
  curl,
  'golang.org/x/oauth2': go,
  'requests-oauthlib, Basic': python.chainWith('basic'),
  'requests-oauthlib, form': python.chainWith('post'),
}

// A plain name, words that are already encoded, and a name that must be encoded.
const scopes = [
  'customers.read',
  'tenant:t1 workflow:invoices.read workflow:customers.read',
  'customers.read GET%20%2Fcustomers%2F%3Aid',
]

let api: OAuthApi
beforeAll(async () => {
  api = await startOAuthApi()
})
afterAll(() => api.close())

describe.each(Object.entries(chains))('%s', (_name, run) => {
  test.each(scopes)(
    'goes through the whole chain with the scope %s',
    async (scope) => {
      const workflows = ['customers.read', 'invoices.read', 'GET /customers/:id']
      const client = await createClient(api, { scope, workflows })
      expect(await run(api, client)).toEqual({
        tokenUrl: api.tokenUrl,
        scope,
        called: 200,
        isRenewed: true,
        revoked: 401,
        renewed: 200,
        wrongSecret: 'invalid_client',
        tooWide: 'invalid_scope',
      })
    },
    TIMEOUT,
  )
})
