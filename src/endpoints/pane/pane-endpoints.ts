import type { WireAnswer } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import type { Endpoint, Endpoints } from '../endpoints.ts'
import { answerOf, isResponse } from '../host-response.ts'
import { type ManagementService, managementEndpoints } from '../management/management-endpoints.ts'
import type { ManagementOptions } from '../management/options.ts'
import { createAssets } from './assets.ts'
import { type PaneOptions, readPaneOptions } from './pane-options.ts'
import { locationWithSlash } from './redirect.ts'
import { shellHeaders, shellHtml } from './shell.ts'

/**
 * Creates the page in which people manage API keys, together with the management API below `/api`.
 * It works below any path, behind proxies that remove a prefix, and under a strict content security
 * policy. It reads no files.
 *
 * `authorize` decides who sees the page: undefined hides it with 404, and a Response, such as a
 * redirect to your login, is sent instead. The script and the style sheet are public: they are the
 * same for everyone and contain no data.
 *
 * @param twinkey The Twinkey whose keys it manages.
 * @param options `authorize`, and how the page looks.
 * @returns Endpoints for the `mount` of an adapter.
 * @throws TypeError or RangeError if an option is not valid. The message says what to do. An error of
 *   `authorize` goes to the error handler of the framework.
 * @example
 * ```ts
 * import express, { type Request } from 'express'
 * import { createTwinkey } from 'twinkey'
 * import { mount } from 'twinkey/express'
 * import { paneEndpoints } from 'twinkey/pane'
 *
 * const userOf = (_req: Request): string | undefined => 'user-1' // from your session
 *
 * const pane = paneEndpoints(createTwinkey(), {
 *   authorize: (req: Request) => {
 *     const user = userOf(req)
 *     return user === undefined ? undefined : { actor: user, owner: user }
 *   },
 * })
 * express().use('/keys', mount(pane))
 * ```
 */
export function paneEndpoints(twinkey: ManagementService, options: PaneOptions): Endpoints {
  const { management, settings } = readPaneOptions(options)
  const api = managementEndpoints(twinkey, management)
  const assets = createAssets(settings.accent)
  const headers = shellHeaders(settings.frameAncestors)
  const html = shellHtml(assets, settings)
  const shell: WireAnswer = {
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8', ...headers },
    body: html,
  }
  return {
    ...api,
    routes: [
      { method: 'GET', path: '/', handle: shellEndpoint(management, shell, headers) },
      assets.script.endpoint,
      assets.style.endpoint,
      ...api.routes.map((route) => ({ ...route, path: below('/api', route.path) })),
    ],
  }
}

function below(prefix: string, path: string): string {
  return path === '/' ? prefix : prefix + path
}

function shellEndpoint(
  { authorize }: ManagementOptions,
  shell: WireAnswer,
  headers: WireAnswer['headers'],
): Endpoint['handle'] {
  return async (request) => {
    const allowed: unknown = await authorize(request.native)
    if (allowed === undefined) return textAnswer(404, 'Not Found', headers)
    if (isResponse(allowed)) return answerOf(allowed)
    requireActor(allowed)
    const location = locationOf(request)
    return location === undefined ? shell : textAnswer(308, '', { ...headers, location })
  }
}

// Anything else is a mistake of the host, such as null or false for nobody.
function requireActor(allowed: unknown): void {
  if (typeof (allowed as { actor?: unknown } | null)?.actor === 'string') return
  throw new TypeError(
    'authorize must return undefined, a Response, or the limits of a keyring, like { actor, owner }.',
  )
}

function locationOf({ originalUrl, url }: WireRequest): string | undefined {
  return locationWithSlash(originalUrl ?? url)
}

function textAnswer(status: number, body: string, headers: WireAnswer['headers']): WireAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body }
}
