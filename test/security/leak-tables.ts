import { redactUrl, type Twinkey, type TwinkeyError, type TwinkeyEvent } from 'twinkey'
import { boomiFlowRoutes, createBoomiFlowFixture } from '../http/boomi-flow-fixture.ts'
import { boomiFlowTable } from '../http/boomi-flow-table.ts'
import { createFixture } from '../http/fixture.ts'
import { createFlareFixture, flareRoutes } from '../http/flare-fixture.ts'
import { flareTable } from '../http/flare-table.ts'
import { createFlowgearFixture, flowgearRoutes } from '../http/flowgear-fixture.ts'
import { flowgearTable } from '../http/flowgear-table.ts'
import type { Application, hosts } from '../http/hosts.ts'
import { type Route, standardRoutes } from '../http/routes.ts'
import { standardTable } from '../http/standard-table.ts'
import type { Clock } from '../support/clock.ts'
import { settled } from '../support/gate.ts'
import { type RawRequest, type RawResponse, sendRaw } from '../support/raw-http.ts'
import { shown } from '../support/shown.ts'
import type { SpyStore } from '../support/spy-store.ts'
import { type Channels, createChannels } from './leak-channels.ts'
import { createNet, type Net } from './leak-net.ts'

type Fixture = {
  readonly twinkey: Twinkey
  readonly clock: Clock
  readonly spy: SpyStore
  readonly events: readonly TwinkeyEvent[]
  readonly secrets: Readonly<Record<string, string>>
  readonly tokens?: Readonly<Record<string, string>>
  readonly token?: string
}
interface Row<F> {
  readonly name: string
  readonly request: (fixture: F) => RawRequest
  readonly at?: number
}

/** A table of requests and its application. */
export interface Table {
  readonly fixture: Fixture
  readonly application: Application
  readonly rows: readonly {
    readonly name: string
    readonly request: RawRequest
    readonly at: number
  }[]
}

function tableOf<F extends Fixture>(
  fixture: F,
  rows: readonly Row<F>[],
  application: Application,
): Table {
  const written = rows.map(({ name, request, at = 0 }) => ({ name, request: request(fixture), at }))
  return { fixture, application, rows: written }
}

/**
 * Where a token is meant to be shown: in this member of the answer 200 to a POST that ends so, and
 * nowhere else.
 */
const EXCHANGES = [
  { path: '/tokens', member: 'access_token' },
  { path: '/tokens/generate', member: 'token' },
] as const

const exchange = (secret: string, path = '/tokens'): RawRequest => ({
  method: 'POST',
  target: path,
  headers: [['Authorization', `Bearer ${secret}`]],
})
const asked = (target: string, credential: string): RawRequest => ({
  target,
  headers: [['Authorization', `Bearer ${credential}`]],
})

/** Every table of requests, and the token endpoints. */
export const tables: Readonly<Record<string, () => Promise<Table>>> = {
  async standard() {
    const fixture = await createFixture()
    const more: Row<typeof fixture>[] = [
      ...Object.entries(fixture.secrets).map(([name, secret]) => ({
        name: `the exchange of ${name}`,
        request: () => exchange(secret),
      })),
      ...Object.entries(fixture.tokens).map(([name, token]) => ({
        name: `the exchange of the token ${name}`,
        request: () => exchange(token),
      })),
      ...Object.entries(fixture.tokens).map(([name, token]) => ({
        name: `the test of ${name}`,
        request: () => asked('/tokens/test', token),
      })),
      ...['', 'Bearer ', '/'].map((before) => ({
        name: `a secret as a tenant, behind ${JSON.stringify(before)}`,
        request: ({ secrets }: typeof fixture): RawRequest => {
          const { target, headers = [] } = asked('/by-header', secrets.primary)
          return { target, headers: [...headers, ['X-Tenant-Id', before + secrets.secondary]] }
        },
      })),
      { name: 'the key set', request: () => ({ target: '/tokens/jwks.json' }) },
      {
        name: 'a handler that throws',
        request: ({ secrets }) => asked('/broken', secrets.primary),
      },
    ]
    const routes = [...standardRoutes, await brokenRoute(fixture.twinkey)]
    return tableOf(fixture, [...standardTable, ...more], {
      routes,
      tokens: { '/tokens': undefined },
    })
  },
  'Boomi Flow': async () =>
    tableOf(await createBoomiFlowFixture(), boomiFlowTable, {
      routes: boomiFlowRoutes,
      tokens: {},
    }),
  async Flare() {
    const fixture = await createFlareFixture()
    const { profile } = fixture
    return tableOf(fixture, flareTable, {
      routes: flareRoutes(profile),
      tokens: { '/tokens': { profile } },
    })
  },
  Flowgear: async () =>
    tableOf(await createFlowgearFixture(), flowgearTable, { routes: flowgearRoutes, tokens: {} }),
}

// Hands a fault to the framework, as a handler does that manages keys.
async function brokenRoute({ keys }: Twinkey): Promise<Route> {
  const fault = (await keys.get('\0').catch((error: unknown) => error)) as TwinkeyError
  const answer = () => {
    throw fault
  }
  return { method: 'GET', path: '/broken', requirement: { anyTarget: true }, answer }
}

/** What has left a host during a table, and the net for its secrets. */
export interface Sent {
  readonly channels: Channels
  readonly net: Net
  /** The rows whose URL, with a secret in it, was removed from the log, of those that allow it. */
  readonly cut: readonly string[]
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<number, number>>
}

/**
 * Sends a table to a host whose loggers are on: each row twice while the store is in order, and
 * twice while it is down. Of the rows that are named, the log may have the URL.
 */
export async function send(
  start: (typeof hosts)[string],
  { fixture, application, rows }: Table,
  inUrl: readonly string[],
): Promise<Sent> {
  const { twinkey, clock, spy, events, secrets, tokens = {}, token } = fixture
  const channels = createChannels()
  const digests = (await spy.inner.list({ now: 0, sort: 'newest', limit: 1000 })).keys.flatMap(
    ({ primary, secondary }) => [
      primary.digest,
      ...(secondary === null || secondary === undefined ? [] : [secondary.digest]),
    ],
  )
  const issued: string[] = []
  const statuses: Record<number, number> = {}
  const cut = new Set<string>()
  const urls = rows
    .filter(({ name }) => inUrl.includes(name))
    .map(({ name, request }) => ({ name, target: redactUrl(request.target, ['auth-key']) }))
  const accessLog = (line: string) => {
    const found = urls.find(({ target }) => line.includes(target))
    if (found !== undefined) cut.add(found.name)
    channels.say('log', found === undefined ? line : line.replace(found.target, ''))
  }
  const host = await start(twinkey, { ...application, accessLog })
  const sendAll = async () => {
    for (const { request, at } of rows) {
      clock.advance(at)
      for (const _ of ['cold', 'warm']) {
        const response = await sendRaw(host.port, request)
        statuses[response.status] = (statuses[response.status] ?? 0) + 1
        channels.say('responses', shown(withoutToken(request, response, issued)))
      }
      clock.advance(-at)
    }
  }
  await channels.listening(async () => {
    await sendAll()
    const down = async () => {
      throw new Error('connection refused')
    }
    spy.override({ get: down, put: down, delete: down, list: down, recordUse: down })
    for (const { id } of (await spy.inner.list({ now: 0, sort: 'newest', limit: 1000 })).keys)
      await twinkey.keys.disable(id).catch((error: unknown) => channels.say('errors', shown(error)))
    clock.advance(7_200_000)
    await sendAll()
    await host.close()
    await settled()
  })
  for (const event of events) channels.say('events', shown(event))
  const net = createNet({
    secrets: Object.values(secrets),
    tokens: [...Object.values(tokens), ...issued, ...(token ? [token] : [])],
    digests,
  })
  return { channels, net, cut: [...cut], statuses }
}

function withoutToken(
  { method, target }: RawRequest,
  response: RawResponse,
  issued: string[],
): RawResponse {
  const found = EXCHANGES.find(({ path }) => method === 'POST' && target.endsWith(path))
  if (found === undefined || response.status !== 200) return response
  const body = JSON.parse(response.body) as Record<string, unknown>
  issued.push(body[found.member] as string)
  return { ...response, body: JSON.stringify({ ...body, [found.member]: '' }) }
}
