import type { Metadata } from '../../core/model/api-key.ts'
import type { Allowed, Principal, Refused } from '../../core/model/principal.ts'
import { isRefusal, type Refusal } from '../../core/model/refusal.ts'
import type { Requirement } from '../../guard/requirement.ts'
import { readBody } from '../../http/body.ts'
import type { Profile, WireAnswer } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import type { Endpoint } from '../endpoints.ts'
import {
  type Client,
  clientProblem,
  type Parameters,
  parametersOf,
  readBasic,
  readClient,
} from '../tokens/client.ts'
import { createCredentialCheck } from '../tokens/credential-check.ts'
import { oauthRefusal } from '../tokens/oauth-answers.ts'
import type { TokenService } from '../tokens/token-service.ts'

/** Answers the request of a client that is authenticated. */
type ClientHandler = (principal: Principal<Metadata>, parameters: Parameters) => Promise<WireAnswer>

/**
 * Authenticates the client of a request before an endpoint answers it.
 *
 * @param cost How many requests a request counts as. Default: 1.
 */
export function clientAuthentication<M extends Metadata>(
  twinkey: TokenService<M>,
  profile: Profile,
  throttle: Requirement['throttle'],
  cost?: number,
): (handler: ClientHandler) => Endpoint['handle'] {
  const check = createCredentialCheck(profile, throttle, twinkey, cost)

  async function principalOf(
    request: WireRequest,
    client: Client | Refusal,
  ): Promise<Principal<Metadata> | Refusal> {
    const readings = isRefusal(client) ? [client] : client.credentials
    const decision = await check(
      request,
      readings,
      // Not anonymous, because the requirement is not optional.
      async (read, requirement) =>
        (await twinkey.decide(read, requirement)) as Allowed<M> | Refused,
    )
    if (!decision.ok) return decision.refusal
    return clientProblem(client, decision.principal) ?? decision.principal
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
