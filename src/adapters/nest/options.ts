import type { FactoryProvider, ModuleMetadata } from '@nestjs/common'
import type { Decider } from '../../guard/guard.ts'
import type { Requirement } from '../../guard/requirement.ts'
import type { RequestOf } from './request-of.ts'

/** Options of both. */
export interface StaticOptions {
  /**
   * Guards every route that has no `@RequireKey()` and no `@Public()`: with no requirement if true,
   * or with this requirement. Default: false.
   */
  readonly global?: boolean | Requirement | undefined
  /** Returns the request in a GraphQL context. Default: none, so GraphQL contexts fail. */
  readonly requestOf?: RequestOf | undefined
}

/** Options of `TwinkeyModule.forRoot`. */
export interface TwinkeyModuleOptions extends StaticOptions {
  /** A Twinkey or a verifier. `forRoot` does not close it. */
  readonly twinkey: Decider
}

/** Options of `TwinkeyModule.forRootAsync`. */
export interface TwinkeyModuleAsyncOptions extends StaticOptions {
  /** The modules whose providers the factory needs. */
  readonly imports?: ModuleMetadata['imports']
  /** The providers to pass to the factory. */
  readonly inject?: FactoryProvider['inject']
  /**
   * Gets what `inject` names. Returns an object with the `twinkey`, which the module closes when the
   * application stops.
   */
  readonly useFactory: (
    ...injected: never[]
  ) => Pick<TwinkeyModuleOptions, 'twinkey'> | Promise<Pick<TwinkeyModuleOptions, 'twinkey'>>
}
