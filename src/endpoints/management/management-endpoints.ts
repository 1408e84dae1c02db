import { keyNotFound } from '../../core/management/write-errors.ts'
import { isId } from '../../core/model/api-key.ts'
import { isTwinkeyError } from '../../core/model/error.ts'
import type { Deployment } from '../../guard/callbacks.ts'
import { jsonAnswer, type WireAnswer } from '../../http/profile.ts'
import type { WireRequest } from '../../http/request.ts'
import { standard } from '../../profiles/standard.ts'
import type { Endpoint, Endpoints, ReadBody } from '../endpoints.ts'
import { errorAnswer, isStoreFailure } from './answers.ts'
import {
  type Caller,
  callerOf,
  type DescribedDeployment,
  type KeyringSource,
  sessionOf,
} from './caller.ts'
import { type Input, readBodyInput, readIfMatch, readQueryInput } from './input.ts'
import { openApiDocument } from './openapi.ts'
import {
  type ManagementOptions,
  type ManagementSettings,
  readManagementOptions,
} from './options.ts'
import { type ManagementRoute, ROUTES } from './routes.ts'

/** What the management API needs of a Twinkey. */
export interface ManagementService extends Deployment, DescribedDeployment {
  readonly keys: KeyringSource
  /** Emits a warning for operators. */
  warn(message: string, error: unknown): void
  now(): number
  flush(): Promise<void> | undefined
}

/**
 * Creates the management API: programs and pages list, create, change, renew and end API keys over
 * it, and read their history. `GET /openapi.json` describes it.
 *
 * Every request is held to what `authorize` returns for it, as by `keys.within`. A key beyond that
 * looks like one that does not exist. Requests that a page of another site may have made are refused
 * with 403, so the API needs no tokens against forged requests. Clients that are no browsers send
 * `X-Twinkey: 1`.
 *
 * Answers are JSON, times are epoch milliseconds, and errors are problem+json with the codes of
 * `TwinkeyError`. A key has its `version` as `ETag`, and a change with `If-Match` fails with
 * 412 if the key was changed since.
 *
 * @param twinkey The Twinkey whose keys it manages.
 * @param options `authorize` is required. An error that it throws goes to the error handler of the
 *   framework.
 * @returns Endpoints for the `mount` of an adapter.
 * @throws TypeError if an option is not valid. The message says what to do.
 * @see RFC 9110 section 13.1.1, RFC 9457, OpenAPI 3.1
 * @example
 * ```ts
 * import express, { type Request } from 'express'
 * import { createTwinkey } from 'twinkey'
 * import { mount } from 'twinkey/express'
 * import { managementEndpoints } from 'twinkey/management'
 *
 * const userOf = (_req: Request): string | undefined => 'ada' // from your session
 *
 * const authorize = (req: Request) => {
 *   const user = userOf(req)
 *   const grantable = { tenants: ['acme'], environments: '*', workflows: ['customers.read'] } as const
 *   return user === undefined ? undefined : { actor: user, owner: user, grantable }
 * }
 * express().use('/api-keys', mount(managementEndpoints(createTwinkey(), { authorize })))
 * ```
 */
export function managementEndpoints(
  twinkey: ManagementService,
  options: ManagementOptions,
): Endpoints {
  if (typeof twinkey?.keys?.within !== 'function')
    throw new TypeError(
      'managementEndpoints: the first argument must be the result of createTwinkey. A verifier manages no keys.',
    )
  const settings = readManagementOptions(options, 'managementEndpoints')
  if (settings.policy?.limits?.length && !twinkey.hasLimiter)
    throw new TypeError(
      'managementEndpoints: policy.limits need a limiter that counts: set the option limiter of createTwinkey.',
    )
  const { refuse } = standard()
  const document = openApiDocument()
  const forCaller = (answer: (caller: Caller) => WireAnswer): Endpoint['handle'] => {
    return async (request) => {
      const caller = await callerOf(request, twinkey, settings)
      return isAnswer(caller) ? caller : answer(caller)
    }
  }
  return {
    routes: [
      ...ROUTES.map((route) => ({
        method: route.method,
        path: route.path,
        handle: operationEndpoint(twinkey, settings, route),
      })),
      {
        method: 'GET',
        path: '/session',
        handle: forCaller((caller) => jsonAnswer(200, sessionOf(caller, twinkey, twinkey.now()))),
      },
      { method: 'GET', path: '/openapi.json', handle: forCaller(() => jsonAnswer(200, document)) },
    ],
    refuse: (refusal) => refuse(refusal),
    flush: () => twinkey.flush(),
  }
}

function operationEndpoint(
  twinkey: ManagementService,
  settings: ManagementSettings,
  route: ManagementRoute,
): Endpoint['handle'] {
  return async (request, body) => {
    const caller = await callerOf(request, twinkey, settings)
    if (isAnswer(caller)) return caller
    const hasVersion = request.header('if-match') !== undefined
    try {
      return await performed(caller, route, request, body)
    } catch (error) {
      const answer = isTwinkeyError(error) ? errorAnswer(error, hasVersion) : undefined
      if (answer === undefined) throw error
      if (isTwinkeyError(error) && isStoreFailure(error))
        twinkey.warn('A request of the management API failed.', error)
      return answer
    }
  }
}

async function performed(
  { keyring }: Caller,
  route: ManagementRoute,
  request: WireRequest,
  body: ReadBody,
): Promise<WireAnswer> {
  const isOfKey = route.path.includes(':id')
  const expectedVersion = isOfKey && route.method !== 'GET' ? readIfMatch(request) : undefined
  const input = await inputFrom(route, request, body)
  if (isAnswer(input)) return input
  const id = isOfKey ? (request.param('id') ?? '') : ''
  if (isOfKey && !isId(id)) throw keyNotFound()
  const idempotencyKey = request.header('idempotency-key')
  const done = await route.run({ keyring, id, input, expectedVersion, idempotencyKey })
  return answerOf(route, done)
}

async function inputFrom(
  { from, input, method }: ManagementRoute,
  request: WireRequest,
  body: ReadBody,
): Promise<Input | WireAnswer> {
  if (method === 'GET') return readQueryInput(request, input)
  const query = readQueryInput(request, {})
  if (isAnswer(query)) return query
  return from === 'body' || method === 'POST' ? readBodyInput(body, input) : {}
}

function answerOf({ answer, status }: ManagementRoute, done: unknown): WireAnswer {
  if (answer === undefined) return { status, headers: { 'cache-control': 'no-store' }, body: '' }
  const { key = done, primary } = done as { key?: unknown; primary?: unknown }
  const { version } = key as { version?: number }
  const tag = version === undefined ? {} : { etag: `"${version}"` }
  if (answer !== 'CreatedKey' || primary !== null) return jsonAnswer(status, done, tag)
  return jsonAnswer(200, { ...(done as object), code: 'secret_not_shown_again' }, tag)
}

function isAnswer(value: Caller | Input | WireAnswer): value is WireAnswer {
  return typeof (value as Partial<WireAnswer>).status === 'number' && 'headers' in value
}
