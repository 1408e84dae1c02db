import type { Refusal } from '../core/model/refusal.ts'
import type { BodySource } from '../http/body.ts'
import type { WireAnswer } from '../http/profile.ts'
import type { WireRequest } from '../http/request.ts'

/**
 * Reads the body of a request. An endpoint calls it only if it needs the body, and at most once.
 * Returns a refusal if the body is too large, late, or no longer available.
 *
 * @param maxBytes The largest body. Default: 64 KiB. A body that another reader has buffered is not
 *   measured.
 */
export type ReadBody = (maxBytes?: number) => Promise<BodySource | Refusal>

/** One method on one path. */
export interface Endpoint {
  /**
   * The method of the requests that it answers. `GET` also answers HEAD. `ANY` answers every method
   * for which the path has no other endpoint.
   */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'ANY'
  /**
   * The path below the mount point: `/`, or segments without a slash at the end. A segment with a
   * colon before it, like `:id` in `/keys/:id`, is a parameter: `request.param('id')` returns its
   * decoded value, which is never empty. A literal segment goes before a parameter. Requests may
   * have a slash at the end. The path `/*` is the mount point and every path below it that no other
   * endpoint has.
   */
  readonly path: string
  /** Answers a request. Never rejects because of what a caller sent. */
  handle(request: WireRequest, body: ReadBody): Promise<WireAnswer>
}

/** Endpoints that the `mount` of any adapter serves. */
export interface Endpoints {
  /** The endpoints below the mount point. */
  readonly routes: readonly Endpoint[]
  /** Endpoints that must stand at the root of the host. See {@link atRoot}. */
  readonly rootRoutes?: readonly Endpoint[] | undefined
  /** Query parameters that hold a credential. They are removed from the URL. */
  readonly secretQuery?: readonly string[] | undefined
  /** Writes the refusal of a request that no endpoint answers: 405 for its method, for example. */
  refuse(refusal: Refusal): WireAnswer
  /** The work that continues after an answer. Undefined if there is none. */
  flush?(): Promise<void> | undefined
}

/**
 * Returns the endpoints that must stand at the root of the host, such as those below
 * `/.well-known/`. Mount them without a prefix, beside the others.
 *
 * @param endpoints Endpoints that have `rootRoutes`.
 * @returns Endpoints whose `routes` are the `rootRoutes` of the given ones.
 * @throws TypeError if the endpoints have no `rootRoutes`.
 * @see RFC 8615, section 3
 * @example
 * ```ts
 * import express from 'express'
 * import { atRoot, type Endpoints } from 'twinkey'
 * import { mount } from 'twinkey/express'
 *
 * export function serve(endpoints: Endpoints) {
 *   return express().use(mount(atRoot(endpoints))).use('/oauth', mount(endpoints))
 * }
 * ```
 */
export function atRoot(endpoints: Endpoints): Endpoints {
  const { rootRoutes: routes, secretQuery } = endpoints
  if (!Array.isArray(routes) || routes.length === 0)
    throw new TypeError(
      'atRoot: these endpoints have no routes for the root of the host. Mount them without atRoot.',
    )
  return {
    routes,
    secretQuery,
    refuse: (refusal) => endpoints.refuse(refusal),
    flush: () => endpoints.flush?.(),
  }
}
