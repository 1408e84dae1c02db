import type { Credential } from '../../core/decision/route-requirement.ts'
import type { Metadata } from '../../core/model/api-key.ts'
import type { Principal } from '../../core/model/principal.ts'
import { isRefusal, REFUSALS, type Refusal } from '../../core/model/refusal.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { readBody } from '../../http/body.ts'
import type { Profile, WireAnswer } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import type { Endpoint } from '../endpoints.ts'
import {
  type Client,
  type Parameters,
  parametersOf,
  readBasic,
  readClient,
  requirementsFor,
} from '../tokens/client.ts'
import { oauthRefusal } from '../tokens/oauth-answers.ts'
import type { TokenService } from '../tokens/token-service.ts'

/** Answers the request of a client that is authenticated. */
type ClientHandler = (principal: Principal<Metadata>, parameters: Parameters) => Promise<WireAnswer>

/** Authenticates the client of a request before an endpoint answers it. */
export function clientAuthentication<M extends Metadata>(
  twinkey: TokenService<M>,
  profile: Profile,
  throttle: Requirement['throttle'],
): (handler: ClientHandler) => Endpoint['handle'] {
  const requirementFor = requirementsFor(profile, throttle, () => twinkey.now())

  async function decide(
    request: WireRequest,
    credential: Credential | Refusal,
    counted: Credential | Refusal = credential,
  ): Promise<Principal<Metadata> | Refusal> {
    const decision = await twinkey.decide(request, requirementFor(credential, counted))
    return decision.ok ? (decision.principal as Principal<Metadata>) : decision.refusal
  }

  async function principalOf(
    request: WireRequest,
    client: Client | Refusal,
  ): Promise<Principal<Metadata> | Refusal> {
    if (isRefusal(client)) return decide(request, client)
    let found: Principal<Metadata> | Refusal = REFUSALS.credentialInvalid
    for (const credential of client.credentials) {
      found = await decide(request, credential, client.credentials[0])
      if (!isRefusal(found) || found.code !== 'credential_invalid') break
    }
    const isOther = !isRefusal(found) && client.id !== undefined && client.id !== found.keyId
    return isOther ? REFUSALS.clientMismatch : found
  }

  return (handler) => async (request, body) => {
    const members = readBody(await body())
    const isUnread = members !== undefined && isRefusal(members)
    const parameters = isUnread ? {} : parametersOf(members)
    const client = isUnread
      ? members
      : readClient(request, parameters, readBasic(request), profile.credential(request))
    const principal = await principalOf(request, client)
    return isRefusal(principal) ? oauthRefusal(principal) : handler(principal, parameters)
  }
}
