import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { RunChain } from '../oauth-api.ts'

const run = promisify(execFile)

async function curl(...args: readonly string[]): Promise<string> {
  return (await run('curl', ['--silent', '--noproxy', '*', ...args])).stdout
}

const statusOf = async (url: string, token: string) =>
  Number(
    await curl(
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      '-H',
      `Authorization: Bearer ${token}`,
      url,
    ),
  )

/** The chain with curl, which sends the halves of Basic as they are. */
export const chain: RunChain = async (
  { issuer, customersUrl },
  { clientId, clientSecret, scope },
) => {
  const metadata = JSON.parse(await curl(`${issuer}/.well-known/oauth-authorization-server`))
  const tokenFor = async (secret: string, asked: string) =>
    JSON.parse(
      await curl(
        '-u',
        `${clientId}:${secret}`,
        '-d',
        'grant_type=client_credentials',
        '--data-urlencode',
        `scope=${asked}`,
        metadata.token_endpoint,
      ),
    )
  const first = await tokenFor(clientSecret, scope)
  const called = await statusOf(customersUrl, first.access_token)
  const second = await tokenFor(clientSecret, scope)
  await curl(
    '--fail',
    '-u',
    `${clientId}:${clientSecret}`,
    '-d',
    `token=${first.access_token}`,
    metadata.revocation_endpoint,
  )
  return {
    tokenUrl: metadata.token_endpoint,
    scope: first.scope,
    called,
    isRenewed: second.access_token !== first.access_token,
    revoked: await statusOf(customersUrl, first.access_token),
    renewed: await statusOf(customersUrl, second.access_token),
    wrongSecret: (await tokenFor(`${clientSecret}x`, scope)).error,
    tooWide: (await tokenFor(clientSecret, 'customers.delete')).error,
  }
}

/** Runs a line of a guide. @returns The answer, which must be JSON. */
export async function runCurl(
  line: string,
  variables: Readonly<Record<string, string>>,
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
): Promise<any> {
  const env = { ...variables, PATH: process.env['PATH'], NO_PROXY: '*' }
  return JSON.parse((await run('sh', ['-c', line], { env })).stdout)
}
