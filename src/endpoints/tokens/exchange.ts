import type { Credential } from '../../core/decision/route-requirement.ts'
import type { TokenRequest } from '../../core/management/token-request.ts'
import type { IssuedToken } from '../../core/management/token-signing.ts'
import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal, Refused } from '../../core/model/principal.ts'
import { isRefusal, REFUSALS, type Refusal } from '../../core/model/refusal.ts'
import { toScopeString } from '../../core/model/scope.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { readBody } from '../../http/body.ts'
import { jsonAnswer, type Profile, type WireAnswer, type WireBody } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import type { Endpoint, ReadBody } from '../endpoints.ts'
import {
  type Client,
  clientProblem,
  type Parameters,
  parametersOf,
  readBasic,
  readClient,
} from './client.ts'
import { createCredentialCheck } from './credential-check.ts'
import { oauthRefusal } from './oauth-answers.ts'
import type { TokenService } from './token-service.ts'

/**
 * Creates the token exchange. A secret in the places of the profile gets a token in the form of the
 * profile. If the profile has client credentials, an OAuth client gets one for its id and secret:
 * the rules of OAuth apply as soon as a request has one of its parameters in the body, or Basic with
 * a user and no secret in the places of the profile.
 *
 * @see RFC 6749, section 4.4
 */
export function exchangeEndpoint<M extends Metadata>(
  twinkey: TokenService<M>,
  profile: Profile,
  throttle: Requirement['throttle'],
): Endpoint['handle'] {
  const { clientCredentials = false } = profile
  const check = createCredentialCheck(profile, throttle, twinkey)

  async function askedOf(
    members: WireBody,
    principal: Principal<Metadata>,
  ): Promise<TokenRequest | Refusal> {
    const asked = await profile.tokenRequest(members, principal)
    return isRefusal(asked) ? asked : withKnownResource(asked, twinkey.audiences ?? [])
  }

  // Reads the body only if the secret is valid.
  async function exchangeNative(
    request: WireRequest,
    body: ReadBody,
    credential: Credential | Refusal,
  ): Promise<WireAnswer> {
    let parameters: Parameters = {}
    const ask = async (principal: Principal<Metadata>) => {
      const members = readBody(await body())
      if (members !== undefined && isRefusal(members)) return members
      parameters = parametersOf(members)
      return (
        problemOfNative(request, parameters, credential, principal) ?? askedOf(members, principal)
      )
    }
    const issued = await check(request, [credential], (read, requirement) =>
      twinkey.tokens.exchange(read, requirement, ask),
    )
    if (clientCredentials && speaksOAuth(parameters)) return oauthAnswer(issued, parameters)
    return issued.ok ? profile.tokenIssued(issued) : profile.refuse(issued.refusal)
  }

  function problemOfNative(
    request: WireRequest,
    parameters: Parameters,
    credential: Credential | Refusal,
    principal: Principal<Metadata>,
  ): Refusal | undefined {
    if (!clientCredentials)
      return parameters['grant_type'] === undefined ? undefined : grantProblem(parameters)
    if (!speaksOAuth(parameters)) return undefined
    const client = readClient(request, parameters, readBasic(request), credential)
    return grantProblem(parameters) ?? clientProblem(client, principal)
  }

  async function exchangeForClient(
    request: WireRequest,
    parameters: Parameters,
    client: Client | Refusal,
  ): Promise<WireAnswer> {
    const problem = isRefusal(client) ? client : grantProblem(parameters)
    // A refusal in place of a credential is reported like any other, without a lookup.
    const readings = problem === undefined ? (client as Client).credentials : [problem]
    const issued = await check(request, readings, (read, requirement) =>
      twinkey.tokens.exchange(
        read,
        requirement,
        (principal) => clientProblem(client, principal) ?? askedOf(parameters, principal),
      ),
    )
    return oauthAnswer(issued, parameters)
  }

  return async (request, body) => {
    const credential = profile.exchangeCredential?.(request) ?? profile.credential(request)
    const isMissing = isRefusal(credential) && credential.code === 'credential_missing'
    const basic = readBasic(request)
    if (!clientCredentials || !isMissing || (basic === undefined && !isForm(request)))
      return exchangeNative(request, body, credential)
    const source = await body()
    const members = readBody(source)
    const isUnread = members !== undefined && isRefusal(members)
    const parameters = isUnread ? {} : parametersOf(members)
    if (basic === undefined && !isUnread && !speaksOAuth(parameters))
      return exchangeNative(request, async () => source, credential)
    const client = isUnread ? members : readClient(request, parameters, basic, credential)
    return exchangeForClient(request, parameters, client)
  }
}

function isForm(request: WireRequest): boolean {
  const type = request.header('content-type') ?? ''
  return /^application\/x-www-form-urlencoded(?:$|[\s;])/i.test(type)
}

function speaksOAuth(parameters: Parameters): boolean {
  return ['grant_type', 'client_id', 'client_secret'].some((name) => name in parameters)
}

/** Why the grant is not given: it must be `client_credentials`, and no parameter may be repeated. */
function grantProblem(parameters: Parameters): Refusal | undefined {
  const { grant_type: grant, resource, ...others } = parameters
  if (grant === undefined) return REFUSALS.grantMissing
  // A form parser of the host makes a list of a repeated parameter.
  if (typeof grant !== 'string' || Object.values(others).some(Array.isArray))
    return REFUSALS.bodyMalformed
  return grant === 'client_credentials' ? undefined : REFUSALS.grantUnsupported
}

// The URI of a whole host may end with a slash or not. Clients write it in both ways.
function withKnownResource(asked: TokenRequest, audiences: readonly string[]): TokenRequest {
  const { resource } = asked
  if (resource === undefined || audiences.includes(resource)) return asked
  const known = audiences.find(
    (each) => isRoot(each) && isRoot(resource) && new URL(each).href === new URL(resource).href,
  )
  return known === undefined ? asked : { ...asked, resource: known }
}

function isRoot(uri: string): boolean {
  return /^https?:\/\/[^/?#]+\/?$/.test(uri) && URL.canParse(uri)
}

// RFC 6749, section 5.1. Some clients fail if the scope is not written as they wrote it.
function oauthAnswer(issued: IssuedToken | Refused, { scope }: Parameters): WireAnswer {
  if (!issued.ok) return oauthRefusal(issued.refusal)
  return jsonAnswer(200, {
    access_token: issued.token,
    token_type: 'Bearer',
    expires_in: issued.lifetimeSeconds,
    scope: typeof scope === 'string' ? scope : toScopeString(issued.scope),
  })
}
