import type { Endpoints, Principal, Requirement, TokenEndpointOptions, Twinkey } from 'twinkey'
import type { Pane } from './pane.ts'
import type { Reply } from './reply.ts'

/** The product whose convention a route follows. */
export type Product = 'standard' | 'Boomi Flow' | 'Flare' | 'Flowgear'

/** The input of the handler of a guarded route, the same for every framework. */
export interface Incoming {
  readonly principal: Principal
  /** A parameter of the path, decoded. */
  param(name: string): string
  /** The body as text. Empty without a body. */
  readonly body: string
}

/** A route behind a guard. */
export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly requirement: Requirement & { readonly optional?: false }
  reply(incoming: Incoming): Reply | Promise<Reply>
}

/** A public route. */
export interface OpenRoute {
  readonly path: string
  reply(): Reply | Promise<Reply>
}

/** The path and the options of token endpoints. */
export interface TokenMount {
  readonly path: string
  readonly options?: TokenEndpointOptions
}

/** The description of a route in the list at `/`. */
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

/** The whole API, which a framework serves. */
export interface Api {
  readonly twinkey: Twinkey
  readonly open: readonly OpenRoute[]
  readonly routes: readonly Route[]
  readonly tokens: readonly TokenMount[]
  readonly pane: Pane
  readonly oauth: Endpoints
}
