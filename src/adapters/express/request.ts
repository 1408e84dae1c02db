import {
  type MatchedRoute,
  type NodeRequest,
  NodeWireRequest,
  ownMember,
  type WireRequest,
} from '../../http/request.ts'
import { hideNodeQuery } from '../node/message.ts'
import { type RoutedRequest, templateOf } from './template.ts'

interface ExpressRequest extends NodeRequest, RoutedRequest {
  url: string
  originalUrl: string
  readonly query: unknown
  readonly params: unknown
  readonly ip?: string | undefined
  readonly next?: unknown
}

const MOUNT_UNKNOWN =
  'The template of this route is not known, because Express does not say at which path its router is mounted. Give the guard the name of the ' +
  "workflow as a text, as in workflow: 'GET /tenants/:tenant/items'. Express says it of a router that is mounted once, by app.use() or " +
  'router.use(), at a text without patterns: Express 4, and Express 5 with router 2.3 or later.'

const MATCHED: MatchedRoute<ExpressRequest> = {
  param: ({ params }, name) => ownMember(params, name),
  template: templateOf,
  advice: ({ route }) => (typeof route?.path === 'string' ? MOUNT_UNKNOWN : undefined),
  peer: ({ ip }) => ip,
}

// Express leaves the route that it matched last on the request, for every middleware that comes
// after it.
const OFF_ROUTE: MatchedRoute<ExpressRequest> = {
  ...MATCHED,
  template: () => undefined,
  advice: () => undefined,
}

/**
 * The request of Node's server that Express's is. Names in the query that hold a credential are
 * taken out of what a handler sees.
 *
 * @param next What a guard was called with. It is the router's own where the guard stands on no
 *   route.
 */
export function expressWireRequest(
  request: ExpressRequest,
  secretQuery: readonly string[] | undefined,
  next?: unknown,
): WireRequest {
  const isOnRoute = next === undefined || next !== request.next
  const wire = new NodeWireRequest(request, request, isOnRoute ? MATCHED : OFF_ROUTE)
  // Asked first: Express parses the query anew whenever it is read.
  if (secretQuery !== undefined) hideNodeQuery(request, request.query, secretQuery)
  return wire
}
