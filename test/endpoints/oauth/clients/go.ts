import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { debianFiles } from '../../../support/debian.ts'
import type { RunChain } from '../oauth-api.ts'

const run = promisify(execFile)
const CACHE = fileURLToPath(new URL('../../../../node_modules/.cache/go-build', import.meta.url))

/** Runs a file with Go and golang.org/x/oauth2 of Debian. @returns What it printed. */
export async function runGo(file: string, env: Readonly<Record<string, string>>): Promise<string> {
  const root = await debianFiles('golang-go', 'golang-golang-x-oauth2-dev')
  const goRoot = join(root, 'usr/lib/go')
  const { stdout } = await run(join(goRoot, 'bin/go'), ['run', file], {
    env: {
      PATH: process.env['PATH'],
      GOROOT: goRoot,
      GOPATH: join(root, 'usr/share/gocode'),
      GO111MODULE: 'off',
      GOCACHE: CACHE,
      // Without a C compiler.
      CGO_ENABLED: '0',
      NO_PROXY: '*',
      ...env,
    },
  })
  return stdout
}

/** The chain with golang.org/x/oauth2. */
export const chain: RunChain = async (
  { issuer, customersUrl },
  { clientId, clientSecret, scope },
) => {
  const file = fileURLToPath(new URL('client.go', import.meta.url))
  return JSON.parse(
    await runGo(file, {
      ISSUER: issuer,
      CUSTOMERS_URL: customersUrl,
      CLIENT_ID: clientId,
      CLIENT_SECRET: clientSecret,
      SCOPE: scope,
    }),
  )
}
