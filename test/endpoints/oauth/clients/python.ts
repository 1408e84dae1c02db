import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianFiles } from '../../../support/debian.ts'
import { runPython } from '../../../support/python.ts'
import type { RunChain } from '../oauth-api.ts'

/** Runs a program with requests-oauthlib and oauthlib of Debian. @returns What it printed. */
export async function runOAuthlib(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const root = await debianFiles('python3-requests-oauthlib', 'python3-oauthlib')
  const packages = 'usr/lib/python3/dist-packages'
  return runPython(program, [], {
    // Their own dependencies may be installed.
    PYTHONPATH: `${join(root, packages)}:/${packages}`,
    OAUTHLIB_INSECURE_TRANSPORT: '1',
    NO_PROXY: '*',
    ...env,
  })
}

/** The chain with requests-oauthlib. */
export function chainWith(method: 'basic' | 'post'): RunChain {
  const program = readFileSync(new URL('client.py', import.meta.url), 'utf8')
  return async ({ issuer, customersUrl }, { clientId, clientSecret, scope }) =>
    JSON.parse(
      await runOAuthlib(program, {
        ISSUER: issuer,
        CUSTOMERS_URL: customersUrl,
        CLIENT_ID: clientId,
        CLIENT_SECRET: clientSecret,
        SCOPE: scope,
        METHOD: method,
      }),
    )
}
