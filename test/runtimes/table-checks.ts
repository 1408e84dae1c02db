import type { Twinkey } from 'twinkey'
import { boomiFlowRoutes, createBoomiFlowFixture } from '../http/boomi-flow-fixture.ts'
import { boomiFlowTable } from '../http/boomi-flow-table.ts'
import { seen as seenUnderStandard } from '../http/expect.ts'
import { createFixture } from '../http/fixture.ts'
import { createFlareFixture, flareRoutes } from '../http/flare-fixture.ts'
import { flareTable } from '../http/flare-table.ts'
import { createFlowgearFixture, flowgearRoutes } from '../http/flowgear-fixture.ts'
import { flowgearTable } from '../http/flowgear-table.ts'
import { createHonoApp } from '../http/host-hono.ts'
import type { Application } from '../http/hosts.ts'
import { standardRoutes } from '../http/routes.ts'
import { standardTable } from '../http/standard-table.ts'
import { seen } from '../http/wire-suite.ts'
import type { Clock } from '../support/clock.ts'
import type { RawRequest, RawResponse } from '../support/raw-http.ts'
import { type Check, same } from './check.ts'
import { createWebApp } from './host-web.ts'

type Handler = (request: Request) => Response | Promise<Response>

/** The members of a row that these checks read. They are the same in all tables. */
interface AnyRow<F> {
  readonly name: string
  readonly request: (fixture: F) => RawRequest
  readonly expected: unknown
  readonly at?: number
}

interface Table<F> {
  readonly rows: readonly AnyRow<F>[]
  readonly create: () => Promise<F>
  readonly applicationOf: (fixture: F) => Application
  readonly seen: (response: RawResponse, expected: never) => unknown
}

const HOSTS: Readonly<Record<string, (twinkey: Twinkey, application: Application) => Handler>> = {
  web: createWebApp,
  Hono: (twinkey, application) => createHonoApp(twinkey, application).fetch,
}

// Rows about a body that a framework has read before. A plain handler has no framework before it.
const BEHIND_PARSERS = /, behind a( \w+)? parser|, behind what drops|was read and dropped/

function checksOf<F extends { twinkey: Twinkey; clock: Clock }>(
  title: string,
  table: Table<F>,
): Check[] {
  return Object.entries(HOSTS).flatMap(([host, start]) => {
    let started: Promise<{ fixture: F; handle: Handler }> | undefined
    const serve = () => {
      started ??= table.create().then((fixture) => ({
        fixture,
        handle: start(fixture.twinkey, table.applicationOf(fixture)),
      }))
      return started
    }
    const rows = table.rows.filter(({ name }) => host !== 'web' || !BEHIND_PARSERS.test(name))
    return rows.map(
      ({ name, request, expected, at = 0 }): Check => ({
        name: `${title} on ${host}: ${name}`,
        async run() {
          const { fixture, handle } = await serve()
          fixture.clock.advance(at)
          try {
            for (const when of ['cold', 'warm'])
              same(
                table.seen(await send(handle, request(fixture)), expected as never),
                expected,
                `the ${when} answer`,
              )
          } finally {
            fixture.clock.advance(-at)
          }
        },
      }),
    )
  })
}

/**
 * Sends what would go over a socket as a `Request`. Repeated headers are appended, as a
 * server does.
 */
async function send(
  handle: Handler,
  { method = 'GET', target, headers = [], body }: RawRequest,
): Promise<RawResponse> {
  const bytes =
    body === undefined || body === ''
      ? null
      : Uint8Array.from(body, (character) => character.charCodeAt(0))
  const request = new Request(`http://localhost${target}`, { method, body: bytes })
  // A string body gets a Content-Type by default. Bytes over a socket have none.
  for (const [name, value] of headers) request.headers.append(name, value)
  const response = await handle(request)
  const text = new TextDecoder().decode(await response.arrayBuffer())
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: method === 'HEAD' ? '' : text,
  }
}

/** The tables of requests of all four profiles, on plain handlers and on Hono. */
export const tableChecks: readonly Check[] = [
  ...checksOf('standard', {
    rows: standardTable,
    create: createFixture,
    applicationOf: () => ({ routes: standardRoutes, tokens: { '/tokens': undefined } }),
    seen: seenUnderStandard,
  }),
  ...checksOf('profile', {
    rows: boomiFlowTable,
    create: createBoomiFlowFixture,
    applicationOf: () => ({ routes: boomiFlowRoutes, tokens: {} }),
    seen,
  }),
  ...checksOf('profile', {
    rows: flareTable,
    create: createFlareFixture,
    applicationOf: ({ profile }) => ({
      routes: flareRoutes(profile),
      tokens: { '/tokens': { profile } },
    }),
    seen,
  }),
  ...checksOf('profile', {
    rows: flowgearTable,
    create: createFlowgearFixture,
    applicationOf: () => ({ routes: flowgearRoutes, tokens: {} }),
    seen,
  }),
]
