import { type TokenEndpointOptions, type TokenService, tokenEndpoints } from 'twinkey'
import { mount } from 'twinkey/web'

/** The token endpoints as one handler. It throws for a path that is not theirs. */
export function tokenHandler(
  twinkey: TokenService,
  options?: TokenEndpointOptions,
  prefix?: string,
): (request: Request, ...rest: unknown[]) => Promise<Response> {
  const handler = mount(tokenEndpoints(twinkey, options), prefix)
  return (request, ...rest) => {
    const answer = handler(request, ...rest)
    if (answer === undefined) throw new Error(`No endpoint has the path of ${request.url}`)
    return answer
  }
}
