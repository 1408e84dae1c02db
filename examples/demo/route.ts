import type { EndpointOptions, Principal, Requirement, Twinkey } from 'twinkey'
import type { Reply } from './reply.ts'

/** Whose convention a route follows. */
export type Product = 'standard' | 'Boomi Flow' | 'Flare' | 'Flowgear'

/** What the handler of a guarded route is given: the same from every framework. */
export interface Incoming {
  readonly principal: Principal
  /** A parameter of the path, decoded. */
  param(name: string): string
  /** The body as text, empty where there is none. */
  readonly body: string
}

/** A route behind a guard. */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly requirement: Requirement & { readonly optional?: false }
  reply(incoming: Incoming): Reply | Promise<Reply>
}

/** A route for everybody. */
export interface OpenRoute {
  readonly path: string
  reply(): Reply | Promise<Reply>
}

/** Where token endpoints stand, and how they speak. */
export interface TokenMount {
  readonly path: string
  readonly options?: EndpointOptions
}

/** What there is of one route to be listed. */
export interface ListedRoute {
  readonly product: Product
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly about: string
}

/** The part of the API that follows the convention of one product. */
export interface Chapter {
  readonly routes: readonly Route[]
  readonly tokens?: TokenMount
  readonly listed: readonly ListedRoute[]
}

/** The whole API, for a framework to serve. */
export interface Api {
  readonly twinkey: Twinkey
  readonly open: readonly OpenRoute[]
  readonly routes: readonly Route[]
  readonly tokens: readonly TokenMount[]
}
