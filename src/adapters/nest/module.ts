import { type DynamicModule, Module, type ModuleMetadata, type Provider } from '@nestjs/common'
import { APP_FILTER, APP_GUARD } from '@nestjs/core'
import { KeyRefusedFilter } from './exception.ts'
import { keyGuardFor } from './guard.ts'
import { closing, madeBy } from './made.ts'
import type { StaticOptions, TwinkeyModuleAsyncOptions, TwinkeyModuleOptions } from './options.ts'
import { REQUEST_OF, TWINKEY } from './providers.ts'

/** Gives the guards their Twinkey, and answers the requests that they refuse. */
// biome-ignore lint/complexity/noStaticOnlyClass: Nest takes a class as the module.
export class TwinkeyModule {
  /**
   * Creates the module. Import it once, in the root module: it applies to every module. It does not
   * close the Twinkey, which other code may share.
   *
   * @param options The Twinkey, and whether every route is guarded.
   * @returns A module to import.
   * @throws TypeError when the application starts, if a requirement is not valid.
   */
  static forRoot({ twinkey, ...options }: TwinkeyModuleOptions): DynamicModule {
    return moduleWith(options, [{ provide: TWINKEY, useFactory: () => twinkey }])
  }

  /**
   * Creates the module with a Twinkey that needs other providers, such as a database. When the
   * application stops, the module closes the Twinkey after the last response. Return a new Twinkey,
   * not one that other code shares.
   *
   * @param options A factory, and what Nest passes to it.
   * @returns A module to import.
   * @throws TypeError when the application starts, if a requirement is not valid.
   */
  static forRootAsync(options: TwinkeyModuleAsyncOptions): DynamicModule {
    return moduleWith(options, madeBy(options), options.imports, [closing])
  }
}

/** Has the providers. Nest stops global modules last, when the pool may have ended already. */
class TwinkeyProviders {}

// Called as functions, so that the build needs no decorators.
Module({})(TwinkeyModule)
Module({})(TwinkeyProviders)

function moduleWith(
  { global = false, requestOf }: StaticOptions,
  own: Provider[],
  imports: ModuleMetadata['imports'] = [],
  hooks: Provider[] = [],
): DynamicModule {
  const everyRoute = keyGuardFor(global === true ? undefined : global || undefined, undefined)
  const providers = {
    module: TwinkeyProviders,
    global: true,
    imports,
    providers: [
      ...own,
      { provide: REQUEST_OF, useValue: requestOf },
      { provide: APP_FILTER, useClass: KeyRefusedFilter },
      ...(global === false ? [] : [{ provide: APP_GUARD, useClass: everyRoute }]),
    ],
    exports: [...own, REQUEST_OF],
  }
  return { module: TwinkeyModule, imports: [providers], providers: hooks }
}
