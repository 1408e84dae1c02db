import { bearer } from './call.ts'
import { OAUTH_PATH, RESOURCE_PATH } from './oauth.ts'
import type { TourParts } from './tour.ts'
import { tokenOf } from './tour-tokens.ts'

/** A client that knows OAuth, but nothing about this API. */
export async function tourOAuth({ narrator, oauth }: TourParts): Promise<void> {
  const { chapter, step, call } = narrator
  const user = `${oauth.clientId}:${oauth.clientSecret}`
  const token = `${OAUTH_PATH}/token`
  chapter('OAuth clients')

  step('A request without a token gets a challenge with the URL of the metadata.')
  await call(401, { path: RESOURCE_PATH })

  step('The metadata names the server that issues tokens, and its URLs.')
  await call(200, { path: `/.well-known/oauth-protected-resource${RESOURCE_PATH}` })
  await call(200, { path: '/.well-known/oauth-authorization-server' })

  step('The id of a key is the client_id, and each of its secrets is a client_secret.')
  const form = { grant_type: 'client_credentials', scope: 'customers.read' }
  const issued = tokenOf(await call(200, { path: token, user, form }))

  step('The token works on the resource.')
  await call(200, { path: RESOURCE_PATH, headers: bearer(issued) })

  step('A service in any language can ask whether a token is active.')
  await call(200, { path: `${OAUTH_PATH}/introspect`, user, form: { token: issued } })

  step('A single token can be revoked. The key and its other tokens keep working.')
  await call(200, { path: `${OAUTH_PATH}/revoke`, user, form: { token: issued } })
  await call(401, { path: RESOURCE_PATH, headers: bearer(issued) })

  step('Every client with wrong credentials gets the same answer.')
  await call(401, { path: token, user: `${oauth.clientId}:wrong`, form })
}
