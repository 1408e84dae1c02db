import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf, curlLinesOf } from '../../support/guide.ts'
import { chain as curl, runCurl } from './clients/curl.ts'
import { chain as go, runGo } from './clients/go.ts'
import { chain as mcpSdk } from './clients/mcp-sdk.ts'
import * as oauth4webapi from './clients/oauth4webapi.ts'
import * as openidClient from './clients/openid-client.ts'
import * as python from './clients/python.ts'
import * as simpleOAuth2 from './clients/simple-oauth2.ts'
import { callWhoami } from './mcp-host.ts'
import {
  createClient,
  type OAuthApi,
  type OAuthClient,
  type RunChain,
  startOAuthApi,
  statusOf,
} from './oauth-api.ts'

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

describe('an issuer with a path', () => {
  test.each([
    ['oauth4webapi by OAuth', oauth4webapi.chainWith('oauth2')],
    ['oauth4webapi by OpenID', oauth4webapi.chainWith('oidc')],
    ['openid-client by OAuth', openidClient.chainWith('oauth2', 'Basic')],
    ['openid-client by OpenID', openidClient.chainWith('oidc', 'Basic')],
    ['the MCP SDK', mcpSdk],
  ])('is found by %s', async (_name, run) => {
    const other = await startOAuthApi('/auth')
    try {
      const { tokenUrl, renewed } = await run(other, await createClient(other))
      expect([tokenUrl, renewed]).toEqual([other.tokenUrl, 200])
    } finally {
      await other.close()
    }
  })
})

test('both secrets of a key are client secrets', async () => {
  const { secondary, ...client } = await createClient(api)
  const other = { ...client, clientSecret: secondary }
  for (const run of [
    curl,
    oauth4webapi.chainWith('oauth2'),
    oauth4webapi.chainWith('oauth2', 'Post'),
  ])
    expect((await run(api, other)).renewed).toBe(200)
})

test(
  'Go tries a wrong secret in Basic and then in the form, and reports invalid_client',
  async () => {
    const client = await createClient(api)
    api.exchanges.length = 0
    const wrong = { ...client, clientSecret: `${client.clientSecret}x` }
    await expect(go(api, wrong)).rejects.toThrow(/401 Unauthorized[\s\S]*invalid_client/)
    expect(api.exchanges).toEqual(['Basic', 'form'])
  },
  TIMEOUT,
)

describe.each([
  ['oauth4webapi', oauth4webapi.introspect],
  ['openid-client', openidClient.introspect],
])('%s', (_name, introspect) => {
  test('sees by introspection that a token is revoked', async () => {
    const client = await createClient(api)
    const { live, dead } = await introspect(api, client)
    expect(live).toMatchObject({
      active: true,
      client_id: client.clientId,
      sub: client.clientId,
      iss: api.issuer,
      aud: api.issuer,
      token_type: 'Bearer',
    })
    expect(dead).toEqual({ active: false })
  })

  test('learns nothing about the token of another key', async () => {
    const other = await createClient(api)
    const { live } = await introspect(api, await createClient(api), other)
    expect(live).toEqual({ active: false })
  })
})

test('oauth4webapi names a resource, and the token works there only', async () => {
  const token = await oauth4webapi.tokenForResource(api, await createClient(api), api.mcpUrl)
  const answer = await callWhoami(api.mcpUrl, { authorization: `Bearer ${token}` })
  expect([answer.status, await statusOf(api.customersUrl, token)]).toEqual([200, 401])
})

describe('docs/oauth.md', () => {
  const here = (text: string) => text.replaceAll('https://api.example.com', api.issuer)
  const variablesOf = ({ clientId, clientSecret }: OAuthClient) => ({
    CLIENT_ID: clientId,
    CLIENT_SECRET: clientSecret,
  })
  const program = (start: string) => {
    const found = blocksOf('oauth', 'text').find((text) => text.startsWith(start))
    return here(found ?? `no block begins with ${start}`)
  }

  test(
    'has a Go program that calls a route',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'twinkey-go-'))
      try {
        const file = join(folder, 'main.go')
        writeFileSync(file, program('package main'))
        expect(await runGo(file, variablesOf(await createClient(api)))).toBe('200\n')
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
    TIMEOUT,
  )

  test('has a Python program that calls a route', async () => {
    const variables = variablesOf(await createClient(api))
    expect(await python.runOAuthlib(program('import os'), variables)).toBe('200\n')
  })

  test('has curl lines that get a token, ask about it and revoke it', async () => {
    const client = variablesOf(await createClient(api))
    const [token, resource, introspect, revoke, ...others] = curlLinesOf('oauth').map(here)
    expect(others).toEqual([])
    const { access_token: TOKEN, ...more } = await runCurl(token ?? '', client)
    expect(more).toEqual({ token_type: 'Bearer', expires_in: 3600, scope: 'customers.read' })
    expect((await runCurl(resource ?? '', client)).token_type).toBe('Bearer')
    const ask = () => runCurl(introspect ?? '', { ...client, TOKEN })
    expect((await ask()).active).toBe(true)
    expect(await runCurl(revoke ?? '', { ...client, TOKEN })).toEqual({})
    expect(await ask()).toEqual({ active: false })
  })
})
