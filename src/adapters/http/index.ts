/**
 * The parts of an adapter: read a request, decide on it, write the answer. For a framework or
 * protocol without an adapter, and for a profile of your own.
 *
 * @module twinkey/http
 */

export type {
  Credential,
  RequestReader,
  RouteRequirement,
  TargetReader,
} from '../../core/decision/route-requirement.ts'
export type { Endpoint, Endpoints, ReadBody } from '../../endpoints/endpoints.ts'
export {
  createGuard,
  type Decider,
  type Guard,
  type GuardOutcome,
  isAnswer,
  isPending,
  type Passed,
  passedHeaders,
} from '../../guard/guard.ts'
export type { CheckedRequirement } from '../../guard/requirement.ts'
export type { BodySource } from '../../http/body.ts'
export { onlyCredential, readBearer, readWhole } from '../../http/credential.ts'
export type { NodeHeaders } from '../../http/headers.ts'
export {
  jsonAnswer,
  type Profile,
  type SecurityScheme,
  type WireAnswer,
  type WireBody,
} from '../../http/profile.ts'
export { readParam } from '../../http/read-param.ts'
export {
  type MatchedRoute,
  type NodeRequest,
  NodeWireRequest,
  readHeader,
  readQuery,
  WebWireRequest,
  type WireRequest,
} from '../../http/request.ts'
export { readWebBody, toResponse } from '../../http/web.ts'
export { writeAnswer } from '../node/answer.ts'
export type { ArrivingRequest, NodeResponse } from '../node/arrival.ts'
export { type NodeBodyRequest, readNodeBody } from '../node/body.ts'
export { hideNodeQuery, type ParsedRequest } from '../node/query.ts'
export { hideWebQuery } from '../web/context.ts'
