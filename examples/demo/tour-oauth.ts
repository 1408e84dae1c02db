import { bearer } from './call.ts'
import { OAUTH_PATH, RESOURCE_PATH } from './oauth.ts'
import type { TourParts } from './tour.ts'
import { tokenOf } from './tour-tokens.ts'

/** A client that knows OAuth and nothing of this API. */
export async function tourOAuth({ narrator, oauth }: TourParts): Promise<void> {
  const { chapter, step, call } = narrator
  const user = `${oauth.clientId}:${oauth.clientSecret}`
  const token = `${OAUTH_PATH}/token`
  chapter('OAuth clients')

  step('A client that has no token is told where to look.')
  await call(401, { path: RESOURCE_PATH })

  step('There it finds the server that issues tokens, and its addresses.')
  await call(200, { path: `/.well-known/oauth-protected-resource${RESOURCE_PATH}` })
  await call(200, { path: '/.well-known/oauth-authorization-server' })

  step('The id of a key is the client_id, and each of its secrets is a client_secret.')
  const form = { grant_type: 'client_credentials', scope: 'customers.read' }
  const issued = tokenOf(await call(200, { path: token, user, form }))

  step('The token works on the resource.')
  await call(200, { path: RESOURCE_PATH, headers: bearer(issued) })

  step('A service in any language can ask what a token is worth.')
  await call(200, { path: `${OAUTH_PATH}/introspect`, user, form: { token: issued } })

  step('A token can be revoked alone. The key and its other tokens work on.')
  await call(200, { path: `${OAUTH_PATH}/revoke`, user, form: { token: issued } })
  await call(401, { path: RESOURCE_PATH, headers: bearer(issued) })

  step('Every wrong client gets the same answer.')
  await call(401, { path: token, user: `${oauth.clientId}:wrong`, form })
}
