import {
  type MatchedRoute,
  type NodeRequest,
  NodeWireRequest,
  ownMember,
  type WireRequest,
} from '../../http/request.ts'
import { hideNodeQuery } from '../node/query.ts'
import { type RoutedRequest, templateOf } from './template.ts'

interface ExpressRequest extends NodeRequest, RoutedRequest {
  url: string
  originalUrl: string
  readonly query: unknown
  readonly params: unknown
  readonly ip?: string | undefined
  readonly next?: unknown
  /** Set by middleware such as express-request-id or pino-http. */
  readonly id?: unknown
}

const MOUNT_UNKNOWN =
  'The template of this route is not known, because Express does not expose the path at which its router is mounted. Give the guard a fixed ' +
  "workflow, for example workflow: 'GET /tenants/:tenant/items'. Express exposes the path of a router that is mounted once, with app.use() " +
  'or router.use(), at a string without patterns: Express 4, and Express 5 with router 2.3 or later.'

const MATCHED: MatchedRoute<ExpressRequest> = {
  param: ({ params }, name) => ownMember(params, name),
  template: templateOf,
  advice: ({ route }) => (typeof route?.path === 'string' ? MOUNT_UNKNOWN : undefined),
  peer: ({ ip }) => ip,
  requestId: ({ id }) => id,
}

// Express leaves the last matched route on the request, where later middleware still sees it.
const OFF_ROUTE: MatchedRoute<ExpressRequest> = {
  ...MATCHED,
  template: () => undefined,
  advice: () => undefined,
}

/**
 * Creates the wire request of an Express request.
 *
 * @param secretQuery Query parameters that hold a credential. They are removed from the request
 *   that handlers see.
 * @param next The `next` of the guard. If it is the `next` of the router, the guard is not on a
 *   route.
 */
export function expressWireRequest(
  request: ExpressRequest,
  secretQuery: readonly string[] | undefined,
  next?: unknown,
): WireRequest {
  const isOnRoute = next === undefined || next !== request.next
  const wire = new NodeWireRequest(request, request, isOnRoute ? MATCHED : OFF_ROUTE)
  // Do not read `query` without need: Express 5 parses it on every access.
  if (secretQuery !== undefined) hideNodeQuery(request, request.query, secretQuery)
  return wire
}
