/**
 * Guards for NestJS 10 and later, on `@nestjs/platform-express` and `@nestjs/platform-fastify`.
 *
 * @module twinkey/nest
 * @example
 * ```ts
 * import { Controller, Get, Module } from '@nestjs/common'
 * import { createTwinkey, type Principal } from 'twinkey'
 * import { KeyPrincipal, RequireKey, TwinkeyModule } from 'twinkey/nest'
 *
 * @Controller('flows')
 * class Flows {
 *   @Get()
 *   @RequireKey({ workflow: 'flows.read' })
 *   list(@KeyPrincipal() principal: Principal) {
 *     return { tenant: principal.tenant }
 *   }
 * }
 *
 * @Module({
 *   imports: [TwinkeyModule.forRoot({ twinkey: createTwinkey() })],
 *   controllers: [Flows],
 * })
 * class AppModule {}
 * ```
 */

export { from } from '../../guard/readers.ts'
export { KeyRefusedException } from './exception.ts'
export { keepHandshake } from './handshake.ts'
export { TwinkeyModule } from './module.ts'
export type { TwinkeyModuleAsyncOptions, TwinkeyModuleOptions } from './options.ts'
export { KeyPrincipal, type KeyPrincipalOptions } from './principal.ts'
export { TWINKEY } from './providers.ts'
export type { RequestOf } from './request-of.ts'
export { Public, RequireKey } from './require-key.ts'
