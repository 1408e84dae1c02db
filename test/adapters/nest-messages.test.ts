import { type INestApplication, UseInterceptors, type WebSocketAdapter } from '@nestjs/common'
import { Test } from '@nestjs/testing'
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets'
import { createTwinkey, memoryStore, type Principal, type Requirement } from 'twinkey'
import { KeyPrincipal, Public, RequireKey, TwinkeyModule } from 'twinkey/nest'
import { afterEach, expect, test } from 'vitest'

let app: INestApplication | undefined
afterEach(() => app?.close())

type Bind = Parameters<WebSocketAdapter['bindMessageHandlers']>

/** Starts a gateway whose messages answer with their principal, on sockets without a network. */
async function gatewayOf(guarded: Readonly<Record<string, Requirement | 'public'>>) {
  class Gateway {}
  for (const [name, required] of Object.entries(guarded)) {
    const value = (principal: Principal) => ({ via: name, workflow: principal.workflow })
    Object.defineProperty(Gateway.prototype, name, { value, configurable: true, writable: true })
    const descriptor = Object.getOwnPropertyDescriptor(Gateway.prototype, name) ?? {}
    const guard = required === 'public' ? Public() : RequireKey(required)
    for (const each of [guard, SubscribeMessage(name)]) each(Gateway.prototype, name, descriptor)
    KeyPrincipal()(Gateway.prototype, name, 0)
  }
  // Between the guard and the handler.
  const later = async () => new Promise((resolve) => setTimeout(resolve, 5))
  UseInterceptors({ intercept: async (_, next) => later().then(() => next.handle()) })(Gateway)
  WebSocketGateway()(Gateway)

  const sockets: { connect(client: object): void } = { connect: () => {} }
  const handlers = new Map<string, Bind[1][number]['callback']>()
  let transform: Bind[2]
  const adapter: WebSocketAdapter & { dispose(): void } = {
    create: () => ({}),
    bindClientConnect: (_server, connect: (client: object) => void) => {
      sockets.connect = connect
    },
    bindMessageHandlers: (_client, messages: Bind[1], transformer: Bind[2]) => {
      transform = transformer
      for (const { message, callback } of messages) handlers.set(message, callback)
    },
    close: () => {},
    dispose: () => {},
  }
  const twinkey = createTwinkey({ store: memoryStore() })
  const { primary } = await twinkey.keys.create({
    name: 'socket',
    scope: { tenants: ['t1'], workflows: '*' },
  })
  const compiled = await Test.createTestingModule({
    imports: [TwinkeyModule.forRoot({ twinkey })],
    providers: [Gateway],
  }).compile()
  app = compiled.createNestApplication({ logger: false })
  app.useWebSocketAdapter(adapter)
  await app.init()
  const errors: unknown[] = []
  const rawHeaders = ['Authorization', `Bearer ${primary}`]
  const request = {
    method: 'GET',
    url: '/',
    headers: { authorization: rawHeaders[1] },
    rawHeaders,
  }
  sockets.connect({ request, emit: (_event: string, error: unknown) => errors.push(error) })
  const send = (name: string) =>
    new Promise((next, error) => {
      const answer = transform(handlers.get(name)?.({}))
      answer.subscribe({ next, error, complete: () => next(undefined) })
    })
  return { send, errors }
}

test('each message of a socket gets the principal of its own decision', async () => {
  const { send, errors } = await gatewayOf({
    read: { workflow: 'flows.read' },
    write: { workflow: 'flows.write' },
  })
  for (let i = 0; i < 3; i++)
    expect(await Promise.all([send('read'), send('write'), send('read')])).toEqual([
      { via: 'read', workflow: 'flows.read' },
      { via: 'write', workflow: 'flows.write' },
      { via: 'read', workflow: 'flows.read' },
    ])
  expect(errors).toEqual([])
})

test('a public message gets no principal of another message of its socket', async () => {
  const { send, errors } = await gatewayOf({ read: { workflow: 'flows.read' }, version: 'public' })
  expect(await send('read')).toEqual({ via: 'read', workflow: 'flows.read' })
  expect(await send('version')).toBeUndefined()
  expect(errors).toMatchObject([{ status: 'error' }])
})
