import { standard } from '../../profiles/standard.ts'
import type { Endpoints } from '../endpoints.ts'
import { githubEndpoint } from './github.ts'
import { type LeakEndpointOptions, readLeakOptions } from './options.ts'
import { createPublicKeys } from './public-keys.ts'
import type { LeakService } from './service.ts'

/**
 * Receives reports of credentials that were found in public. `POST /github` is the alert endpoint
 * of GitHub's secret scanning partner programme.
 *
 * A report counts only if one of GitHub's current keys signed its exact bytes. Before that, no
 * credential is looked up and nothing changes. Then each credential is identified, `onLeak` decides
 * what happens to it, and `tell` receives it. The answer says for each match whether it is a
 * credential of this deployment, and never repeats it. The history names the actor `leak:github`.
 *
 * Mount it before body parsers: a parsed body cannot be verified, and the endpoint then throws. A
 * report has at most 2 MiB and 10,000 matches. Anybody can send requests here, so limit their rate
 * at your proxy.
 *
 * @param twinkey The Twinkey whose credentials are looked up.
 * @param options The policy `onLeak`, and `tell`.
 * @returns Endpoints for the `mount` of an adapter.
 * @throws TypeError if an option is not valid. The message says what to do.
 * @see https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program
 * @example
 * ```ts
 * import express from 'express'
 * import { createTwinkey } from 'twinkey'
 * import { mount } from 'twinkey/express'
 * import { leakEndpoints } from 'twinkey/leaks'
 *
 * const leaks = leakEndpoints(createTwinkey(), {
 *   onLeak: 'disable',
 *   tell: ({ key, outcome, places }) => {
 *     console.warn(`A secret of ${key.name} was found at ${places[0]?.url}: ${outcome}`)
 *   },
 * })
 * express().use('/leaks', mount(leaks))
 * ```
 */
export function leakEndpoints(twinkey: LeakService, options: LeakEndpointOptions): Endpoints {
  if (typeof twinkey?.keys?.identify !== 'function')
    throw new TypeError(
      'leakEndpoints: the first argument must be the result of createTwinkey. A verifier knows no secrets.',
    )
  const { github, ...settings } = readLeakOptions(options)
  const { refuse } = standard()
  const publicKeys = createPublicKeys({ ...github, now: () => twinkey.now() })
  return {
    routes: [
      { method: 'POST', path: '/github', handle: githubEndpoint(twinkey, publicKeys, settings) },
    ],
    refuse: (refusal) => refuse(refusal),
    flush: () => twinkey.flush(),
  }
}
