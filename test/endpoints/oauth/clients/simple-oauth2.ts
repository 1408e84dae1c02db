import { type AccessToken, ClientCredentials } from 'simple-oauth2'
import { type RunChain, statusOf } from '../oauth-api.ts'

/** The chain with simple-oauth2, which has no discovery: the test reads the metadata. */
export function chainWith(authorizationMethod: 'header' | 'body'): RunChain {
  return async ({ issuer, customersUrl }, { clientId, clientSecret, scope }) => {
    const metadata = (await (
      await fetch(`${issuer}/.well-known/oauth-authorization-server`)
    ).json()) as Record<'token_endpoint' | 'revocation_endpoint', string>
    const { origin, pathname: tokenPath } = new URL(metadata.token_endpoint)
    const { pathname: revokePath } = new URL(metadata.revocation_endpoint)
    const clientWith = (secret: string) =>
      new ClientCredentials({
        client: { id: clientId, secret },
        auth: { tokenHost: origin, tokenPath, revokePath },
        options: { authorizationMethod },
      })
    const errorOf = (secret: string, asked: string) =>
      clientWith(secret)
        .getToken({ scope: asked })
        .then(
          () => 'none',
          (error) => error.data?.payload?.error ?? String(error),
        )
    const textOf = ({ token }: AccessToken) => token['access_token'] as string

    const client = clientWith(clientSecret)
    const first = await client.getToken({ scope })
    if (first.expired(60)) throw new Error('The token seems to have expired.')
    const called = await statusOf(customersUrl, textOf(first))
    const second = await client.getToken({ scope })
    await first.revoke('access_token')
    return {
      tokenUrl: metadata.token_endpoint,
      scope: first.token['scope'] as string,
      called,
      isRenewed: textOf(second) !== textOf(first),
      revoked: await statusOf(customersUrl, textOf(first)),
      renewed: await statusOf(customersUrl, textOf(second)),
      wrongSecret: await errorOf(`${clientSecret}x`, scope),
      tooWide: await errorOf(clientSecret, 'customers.delete'),
    }
  }
}
