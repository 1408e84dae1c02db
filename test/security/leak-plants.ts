import { standard } from 'twinkey/profiles'
import { createFixture } from '../http/fixture.ts'
import type { Route } from '../http/routes.ts'
import type { Channel } from './leak-channels.ts'
import type { Table } from './leak-tables.ts'

/** A deliberate leak. */
interface Plant {
  readonly what: string
  /** Where it must be found, and nowhere else. By host if hosts differ. */
  readonly where: readonly Channel[] | Readonly<Record<string, readonly Channel[]>>
  /** What the handler does with a secret, or what stands in for it. */
  readonly leak: (
    secret: string,
    fixture: Awaited<ReturnType<typeof createFixture>>,
  ) => Partial<Route>
  /** The request target, where that is the leak. */
  readonly target?: (secret: string) => string
}

const answering = (answer: () => object): Partial<Route> => ({ answer })
const thrown: Plant['where'] = {
  'Express 5': ['console', 'responses'],
  'Express 4': ['console', 'responses'],
  'Fastify 5': ['log', 'responses'],
  'Hono 4 on Node': ['console'],
}

export const plants: readonly Plant[] = [
  { what: 'in a body', where: ['responses'], leak: (secret) => answering(() => ({ secret })) },
  {
    what: 'in a header',
    where: ['responses'],
    leak: (secret) => ({
      requirement: {
        profile: {
          ...standard(),
          refuse: () => ({ status: 401, headers: { 'x-why': secret }, body: '' }),
        },
        tenant: 'elsewhere',
      },
    }),
  },
  {
    what: 'in a URL that is logged',
    where: ['log'],
    leak: () => ({}),
    target: (secret) => `/planted?token=${secret}`,
  },
  {
    what: 'in an event',
    where: ['events'],
    leak: (secret, { events }) =>
      answering(() => [
        events.push({
          type: 'warning.store_unavailable',
          at: 0,
          message: 'm',
          error: hiding(secret),
        }),
      ]),
  },
  {
    what: 'in what is printed',
    where: ['console'],
    leak: (secret) => answering(() => [console.info('a', { b: { c: { d: { secret } } } })]),
  },
  {
    what: 'in what is written to stderr',
    where: ['console'],
    leak: (secret) => answering(() => [process.stderr.write(secret)]),
  },
  {
    what: 'in a warning of the process',
    where: ['console'],
    leak: (secret) => answering(() => [process.emitWarning(secret)]),
  },
  {
    what: 'in an error that is thrown',
    where: thrown,
    leak: (secret) =>
      answering(() => {
        throw new Error(`no such key: ${secret.slice(-30, -12)}`)
      }),
  },
]

/** An error with a secret in a place where only a close look finds it. */
export function hiding(secret: string): Error {
  const cause = Object.defineProperty(new Error('lost'), Symbol('request'), {
    value: { headers: [Buffer.from(secret)] },
  })
  return new Error('failed', { cause: new AggregateError([cause], 'several') })
}

/** A table of one request that leaks. */
export async function tableWith({ leak, target = () => '/planted' }: Plant): Promise<Table> {
  const fixture = await createFixture()
  const secret = fixture.secrets.primary
  const route: Route = {
    method: 'GET',
    path: '/planted',
    requirement: { anyTarget: true },
    ...leak(secret, fixture),
  }
  const request = {
    target: target(secret),
    headers: [['Authorization', `Bearer ${fixture.secrets.secondary}`]] as const,
  }
  return {
    fixture,
    application: { routes: [route], tokens: {} },
    rows: [{ name: 'planted', request, at: 0 }],
  }
}
