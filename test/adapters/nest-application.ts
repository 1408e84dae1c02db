import type { AddressInfo } from 'node:net'
import { Controller, Get, type INestApplication, Post } from '@nestjs/common'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { Test, type TestingModuleBuilder } from '@nestjs/testing'
import { TwinkeyModule, type TwinkeyModuleOptions } from 'twinkey/nest'

type Decorator = ClassDecorator & MethodDecorator
type Handler = (...args: never[]) => unknown

/** A method of a controller, whose decorators are called as functions. */
export interface Action {
  readonly path: string
  readonly post?: true
  readonly decorators?: readonly Decorator[]
  /** Of the first parameter. */
  readonly parameter?: ParameterDecorator
  readonly answer?: (...args: never[]) => unknown
}

/** Creates a controller class. */
export function controllerOf(
  actions: readonly Action[],
  decorators: readonly Decorator[] = [],
): new () => object {
  class Routes {}
  for (const [i, { path, post, decorators: own = [], parameter, answer }] of actions.entries()) {
    const name = `action${i}`
    const value: Handler = (...args) => answer?.(...args) ?? { path }
    Object.defineProperty(Routes.prototype, name, { value, configurable: true, writable: true })
    const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, name) ?? {}
    const route = post === true ? Post(path) : Get(path)
    for (const each of [...own, route]) each(Routes.prototype, name, descriptor)
    parameter?.(Routes.prototype, name, 0)
  }
  for (const each of [...decorators, Controller()] as Decorator[]) each(Routes)
  return Routes
}

export const PLATFORMS = {
  'platform-express': () => new ExpressAdapter(),
  'platform-fastify': () => new FastifyAdapter(),
} as const

/** Starts an application. @returns It, and its port. */
export async function start(
  platform: keyof typeof PLATFORMS,
  options: TwinkeyModuleOptions,
  controller: new () => object,
  more: {
    readonly build?: (builder: TestingModuleBuilder) => TestingModuleBuilder
    readonly prepare?: (app: INestApplication) => unknown
  } = {},
): Promise<{ readonly app: INestApplication; readonly port: number }> {
  const builder = Test.createTestingModule({
    imports: [TwinkeyModule.forRoot(options)],
    controllers: [controller],
  })
  const compiled = await (more.build?.(builder) ?? builder).compile()
  const app = compiled.createNestApplication(PLATFORMS[platform]() as ExpressAdapter, {
    logger: false,
  })
  await more.prepare?.(app)
  await app.listen(0, '127.0.0.1')
  return { app, port: (app.getHttpServer().address() as AddressInfo).port }
}
