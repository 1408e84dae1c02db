import type { Context } from 'hono'
import type { MatchedRoute, WireRequest } from '../../http/request.ts'
import { hideNodeQuery } from '../node/query.ts'
import { hideWebQuery } from '../web/context.ts'
import { incomingOf } from './incoming.ts'
import { requestOf } from './request.ts'
import { readTemplate } from './template.ts'

const MATCHED: MatchedRoute<Context> = {
  param: readParam,
  template: readTemplate,
  // Set by hono/request-id.
  requestId: (c) => c.get('requestId'),
}

/**
 * Creates the wire request of a context.
 *
 * @param secretQuery Query parameters that hold a credential. They are removed from the request
 *   that handlers see.
 */
export function honoWireRequest(
  c: Context,
  secretQuery: readonly string[] | undefined,
): WireRequest {
  const incoming = incomingOf(c)
  const wire = requestOf(c, incoming, MATCHED)
  if (secretQuery !== undefined) {
    c.req.raw = hideWebQuery(c.req.raw, secretQuery)
    if (incoming !== undefined) hideNodeQuery(incoming, undefined, secretQuery)
  }
  return wire
}

// Hono returns a parameter undecoded if it cannot decode it. Taken as a name, it would differ from
// the name on other hosts.
function readParam({ req }: Context, name: string): string | undefined {
  const value = req.param(name)
  if (!value?.includes('%')) return value
  try {
    decodeURIComponent(req.raw.url.split('?', 1)[0] as string)
    return value
  } catch {
    return ''
  }
}
