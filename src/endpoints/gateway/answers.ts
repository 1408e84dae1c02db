import type { Principal } from '../../core/model/principal.ts'
import { jsonAnswer, type WireAnswer } from '../../http/profile.ts'
import type { GatewayProxy } from './original-request.ts'

// nginx takes a header of at most one buffer, which the names below share.
const LONGEST_BODY = 2000

/** The answer for a request without a route. */
export const NO_ROUTE = jsonAnswer(
  404,
  {
    title: 'Not Found',
    status: 404,
    detail: 'There is no route for this method and path.',
    code: 'not_found',
  },
  { 'content-type': 'application/problem+json' },
)

/**
 * The answer that accepts a request. It has every header, because a proxy may pass on a client
 * header that the answer lacks.
 *
 * @param principal Undefined for an anonymous request.
 * @param limits The headers that tell what is left of the limits of the key.
 * @see GHSA-7r4p-vjf4-gxv4
 */
export function allowedAnswer(
  principal: Principal | undefined,
  limits: WireAnswer['headers'] = {},
): WireAnswer {
  const { keyId, name, owner, tenant, environment, workflow } = principal ?? {}
  const values = { key: keyId, name, tenant, environment, workflow, owner }
  const headers = Object.entries(values).map(([member, value]) => [
    `x-twinkey-${member}`,
    encodeURIComponent(value ?? ''),
  ])
  return {
    status: 200,
    headers: { 'cache-control': 'no-store', ...limits, ...Object.fromEntries(headers) },
    body: '',
  }
}

/**
 * The answer that refuses a request. nginx passes on only 401 and 403, and no body. It gets both in
 * headers.
 */
export function refusedAnswer(answer: WireAnswer, proxy: GatewayProxy): WireAnswer {
  if (proxy !== 'nginx') return answer
  const body = headerText(answer.body)
  return {
    ...answer,
    status: answer.status === 401 ? 401 : 403,
    headers: {
      ...answer.headers,
      'x-twinkey-status': String(answer.status),
      ...(body !== undefined && { 'x-twinkey-body': body }),
    },
  }
}

// JSON can be written in ASCII. Undefined for a body that a header cannot hold.
function headerText(body: string): string | undefined {
  const text = body.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return /^[\x20-\x7e]+$/.test(text) && text.length <= LONGEST_BODY ? text : undefined
}
