import type { DynamicModule, ExecutionContext } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import { createTwinkey, memoryStore, type Requirement, type Twinkey } from 'twinkey'
import {
  keepHandshake,
  Public,
  RequireKey,
  TWINKEY,
  TwinkeyModule,
  type TwinkeyModuleOptions,
} from 'twinkey/nest'
import { createVerifier } from 'twinkey/verifier'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Callers, createCallers } from './callers.ts'
import { controllerOf } from './nest-application.ts'

let callers: Callers
beforeAll(async () => {
  callers = await createCallers()
})
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

describe('an application', () => {
  const imports = () => [TwinkeyModule.forRoot({ twinkey: callers.twinkey })]

  test('does not start with a requirement that is not valid', async () => {
    const wrong = RequireKey({ workflow: 'x', resource: 'https://unknown.example' })
    const unknown = RequireKey({ worklow: 'x' } as Requirement)
    for (const decorator of [wrong, unknown])
      await expect(
        Test.createTestingModule({
          imports: imports(),
          controllers: [controllerOf([], [decorator])],
        }).compile(),
      ).rejects.toThrow(TypeError)
    const global = TwinkeyModule.forRoot({ twinkey: callers.twinkey, global: { cost: -1 } })
    await expect(Test.createTestingModule({ imports: [global] }).compile()).rejects.toThrow(
      RangeError,
    )
  })

  test('does not start if @RequireKey has no TwinkeyModule', async () => {
    const controllers = [controllerOf([{ path: '/', decorators: [RequireKey()] }])]
    await expect(Test.createTestingModule({ controllers }).compile()).rejects.toThrow(
      /twinkey\.nest/,
    )
  })

  test('cannot put two of the decorators on one method', () => {
    for (const decorators of [
      [Public(), RequireKey()],
      [RequireKey(), Public()],
      [RequireKey(), RequireKey()],
    ]) {
      expect(() => controllerOf([{ path: '/', decorators }])).toThrow(/has two of the decorators/)
      expect(() => controllerOf([], decorators)).toThrow(/has two of the decorators/)
    }
  })

  test('creates its Twinkey from other providers', async () => {
    const provider = { provide: 'ENVIRONMENT', useValue: 'production' }
    class Config {}
    const config = { module: Config, providers: [provider], exports: [provider] }
    const compiled = await Test.createTestingModule({
      imports: [
        TwinkeyModule.forRootAsync({
          imports: [config],
          inject: ['ENVIRONMENT'],
          useFactory: async (environment: string) => ({
            twinkey: createTwinkey({ store: memoryStore(), environments: [environment] }),
          }),
        }),
      ],
    }).compile()
    const twinkey = compiled.get(TWINKEY)
    await expect(
      twinkey.keys.create({ name: 'x', scope: { environments: ['test'] } }),
    ).rejects.toThrow()
    await compiled.close()
  })
})

describe('app.close()', () => {
  function createClosable(events: string[]): Twinkey {
    const twinkey = createTwinkey({ store: memoryStore() })
    const close = async () => {
      events.push('twinkey closes')
      // A later turn of the loop, so that nothing that follows came first by chance.
      await new Promise(setImmediate)
      events.push('twinkey closed')
      await twinkey.close()
    }
    return { ...twinkey, close }
  }
  // A module with a pool, as the guide has it.
  function databaseOf(events: string[], global: boolean): DynamicModule {
    class Database {
      onModuleDestroy() {
        events.push('server still listens')
      }
      onApplicationShutdown() {
        events.push('pool ended')
      }
    }
    const pool = { provide: 'POOL', useValue: {} }
    return { module: Database, providers: [pool], exports: ['POOL'], global }
  }

  test.each([true, false])(
    'closes what the factory made, before the pool ends in a module with global: %s',
    async (global) => {
      const events: string[] = []
      const database = databaseOf(events, global)
      const useFactory = () => ({ twinkey: createClosable(events) })
      const compiled = await Test.createTestingModule({
        imports: [
          database,
          TwinkeyModule.forRootAsync({ imports: [database], inject: ['POOL'], useFactory }),
        ],
      }).compile()
      const app = compiled.createNestApplication()
      await app.listen(0)
      app.getHttpServer().once('close', () => events.push('server closed'))
      await app.close()
      expect(events).toEqual([
        'server still listens',
        'server closed',
        'twinkey closes',
        'twinkey closed',
        'pool ended',
      ])
    },
  )

  test('leaves open what the application passes to forRoot, or puts in its place', async () => {
    const events: string[] = []
    const shared = createClosable(events)
    const useFactory = () => expect.unreachable('The factory of an overridden provider runs.')
    for (const module of [
      TwinkeyModule.forRoot({ twinkey: shared }),
      TwinkeyModule.forRootAsync({ useFactory }),
    ]) {
      const compiled = await Test.createTestingModule({ imports: [module] })
        .overrideProvider(TWINKEY)
        .useValue(shared)
        .compile()
      await compiled.close()
    }
    const plain = await Test.createTestingModule({
      imports: [TwinkeyModule.forRoot({ twinkey: shared })],
    }).compile()
    await plain.close()
    expect(events).toEqual([])
  })

  test('closes a Twinkey for each application that is made of one module', async () => {
    const closed: string[] = []
    const module = TwinkeyModule.forRootAsync({
      useFactory: () => ({ twinkey: createClosable(closed) }),
    })
    const [one, other] = await Promise.all(
      [1, 2].map(() => Test.createTestingModule({ imports: [module] }).compile()),
    )
    await one?.close()
    expect(closed).toEqual(['twinkey closes', 'twinkey closed'])
    await other?.close()
    expect(closed).toHaveLength(4)
  })

  test('has nothing to close for a verifier', async () => {
    const verifier = createVerifier({
      jwks: await callers.twinkey.tokens.jwks(),
      issuer: 'https://api.example',
      audience: 'https://api.example',
    })
    const compiled = await Test.createTestingModule({
      imports: [TwinkeyModule.forRootAsync({ useFactory: () => ({ twinkey: verifier }) })],
    }).compile()
    await expect(compiled.close()).resolves.toBeUndefined()
  })
})

describe('a context that is not HTTP', () => {
  // As @nestjs/graphql calls a guard: the third argument is the context of the application.
  async function guardIn(type: string, req: object, requestOf?: TwinkeyModuleOptions['requestOf']) {
    const Resolver = controllerOf([
      { path: '/', decorators: [RequireKey({ workflow: 'flows.read' })] },
    ])
    const compiled = await Test.createTestingModule({
      imports: [TwinkeyModule.forRoot({ twinkey: callers.twinkey, requestOf })],
      controllers: [Resolver],
    }).compile()
    closing.push(() => compiled.close())
    const handler = Reflect.get(Resolver.prototype, 'action0')
    const [guard] = Reflect.getMetadata('__guards__', handler)
    const args = [{}, {}, { req }, {}]
    const context = {
      getType: () => type,
      getHandler: () => handler,
      getClass: () => Resolver,
      getArgs: () => args,
      getArgByIndex: (i: number) => args[i],
      switchToWs: () => ({ getClient: () => req }),
    } as unknown as ExecutionContext
    const instance = await compiled.resolve(guard)
    return instance.canActivate(context)
  }
  const requestOf = (context: ExecutionContext) => context.getArgByIndex(2).req
  const reqWith = (secret: string) => ({
    method: 'POST',
    url: '/graphql',
    headers: { authorization: `Bearer ${secret}` },
    rawHeaders: ['Authorization', `Bearer ${secret}`],
  })

  test('is guarded by the request that requestOf returns', async () => {
    const req = reqWith(callers.secrets.t1)
    expect(await guardIn('graphql', req, requestOf)).toBe(true)
    expect(req).toMatchObject({ principal: { name: 't1' } })
    await expect(guardIn('graphql', reqWith('acme_wrong'), requestOf)).rejects.toMatchObject({
      status: 401,
      response: {
        code: 'credential_invalid',
        statusCode: 401,
        message: 'The credential is not valid.',
      },
    })
  })

  test('of a socket is guarded by the request that keepHandshake or Socket.IO has kept', async () => {
    const [kept, request] = [{}, reqWith(callers.secrets.t1)]
    keepHandshake(kept, request)
    expect(JSON.stringify(kept)).toBe('{}')
    for (const client of [kept, { request: reqWith(callers.secrets.t1) }])
      expect(await guardIn('ws', client)).toBe(true)
    expect(request).toMatchObject({ principal: { name: 't1' } })
    for (const wrong of [undefined, {}, 'request'])
      expect(() => keepHandshake({}, wrong as never)).toThrow(/keepHandshake: pass the two/)
    expect(() => keepHandshake(undefined as never, request)).toThrow(TypeError)
  })

  test('is refused without requestOf, and always if it is a message', async () => {
    const req = reqWith(callers.secrets.t1)
    await expect(guardIn('graphql', req)).rejects.toThrow(/guards HTTP requests/)
    await expect(guardIn('ws', {}, requestOf)).rejects.toThrow(/found no request of this socket/)
    await expect(guardIn('rpc', req, requestOf)).rejects.toThrow(/guards HTTP requests/)
  })
})
