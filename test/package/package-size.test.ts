import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { sizeBeyondCore, sizeOf, sizeOfCore } from '../../benchmarks/speed/sizes.mjs'
import { bundlePane } from '../../src/pane-app/bundle.mjs'

// Sizes in bytes of the build, bundled for Node, minified and compressed by gzip, without
// dependencies. An adapter or a store counts by what it adds to createTwinkey. Each budget is
// slightly above the current size. A change that needs more raises it and says why. In the core,
// checking signing keys takes 2.7 kB, copying input before its checks 1 kB, and limited keyrings, the
// history, unique names and the format of the record 7 kB. Policies and idempotency keys take 1.3 kB,
// and the revocation of tokens and fair races for the last key 1 kB. Limits, networks and lifetimes take
// 5.3 kB, about half of it to read networks and to check limits. Finding the key of a leaked secret takes 0.7 kB,
// publishing what is measured 0.6 kB, and watching the callers of open connections 1.1 kB. Verifying
// signatures takes 0.3 kB. jose did that before, and its size does not count here. Finding secrets by
// their digest takes 0.5 kB.
const CORE_BUDGET = 50_200
// Express does not expose the template of a mount, so the guard determines it. All guards except
// the one for plain handlers end an answer when the request has arrived.
const GUARD_BUDGETS = { express: 3950, fastify: 2850, hono: 3650, web: 1800 }
const BUDGETS_BEYOND_CORE = {
  // Endpoints also see the request of the framework, its id and its target, and may answer every path.
  express: 6000,
  fastify: 5000,
  hono: 5800,
  // It has what the guards of Express and of Fastify read and write. Sockets and fields of GraphQL take
  // 0.4 kB, and closing the Twinkey in the right order when the application stops 0.1 kB.
  nest: 6800,
  web: 3850,
  // Varies by some bytes with the core, because both are compressed together.
  profiles: 1940,
  'stores/d1': 3100,
  'stores/memory': 100,
  http: 3600,
  // The checks of a requirement and the standard profile are in the core.
  openapi: 2100,
  // A third of it are the schemas of the OpenAPI document.
  management: 6850,
  oauth: 6650,
  // With the page, which has a budget of its own, and the management API.
  pane: 51_200,
  // Mostly messages for a route that is not valid.
  gateway: 2800,
  // A third of it are the two readers of signatures and reports, and their limits. 300 bytes find
  // encoded credentials in URLs.
  leaks: 5000,
  store: 680,
  // A fifth of it are the statements, and as much are messages.
  'stores/mysql': 5100,
  // Mostly messages that distinguish a refused statement from one with an unknown outcome.
  'stores/postgres': 6050,
  'stores/redis': 6150,
  'stores/sqlite': 4750,
  verifier: 2260,
  // It shares nothing with the core. A third of it are undici, axios and got.
  client: 7500,
  // A third of it are the checks of what rate-limiter-flexible answers.
  limits: 2500,
  // With the channels, which createTwinkey shares. A third of it keeps a failing exporter out of requests.
  telemetry: 3400,
  testing: 9700,
}

const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const subpaths = Object.keys(exports).flatMap((name) =>
  name === './package.json' ? [] : [name.slice(2)],
)

test('every subpath has a budget', () => {
  expect(subpaths.filter((name) => name !== '').sort()).toEqual(
    Object.keys(BUDGETS_BEYOND_CORE).sort(),
  )
})

describe('the size', () => {
  test('of createTwinkey and of the other exports of the main entry is within its budget', async () => {
    expect(await sizeOfCore()).toBeLessThanOrEqual(CORE_BUDGET)
    // Tokens for OAuth clients take 1.6 kB.
    expect(await sizeBeyondCore("export * from 'twinkey'")).toBeLessThanOrEqual(6200)
  })

  test('of a service that only verifies is within 19,000 bytes, two fifths of createTwinkey', async () => {
    expect(await sizeOf("export * from 'twinkey/verifier'")).toBeLessThanOrEqual(19_000)
  })

  test('of the command line is within 24,000 bytes, beyond what it shares with createTwinkey', () => {
    // Not minified. It is read once, when the command starts. Help and refusals are a third of it.
    const program = readFileSync(new URL('../../dist/cli.js', import.meta.url))
    expect(gzipSync(program, { level: 9 }).length).toBeLessThanOrEqual(24_000)
  })

  test('of the page that a browser loads is within 40 KB', async () => {
    const { js, css } = await bundlePane()
    const size = gzipSync(js).length + gzipSync(css).length
    expect(size).toBeGreaterThan(1000)
    expect(size).toBeLessThanOrEqual(40 * 1024)
  })

  test.each(Object.entries(GUARD_BUDGETS))(
    'of the guard of %s is within %i bytes',
    async (name, budget) => {
      expect(
        await sizeBeyondCore(`export { requireAuth } from 'twinkey/${name}'`),
      ).toBeLessThanOrEqual(budget)
    },
  )

  test.each(Object.entries(BUDGETS_BEYOND_CORE))(
    'of all of %s is within %i bytes',
    async (name, budget) => {
      const size = await sizeBeyondCore(`export * from 'twinkey/${name}'`)
      expect(size).toBeLessThanOrEqual(budget)
      expect(size).toBeGreaterThan(0)
    },
  )
})

test.each(subpaths)('an unused import of %j adds nothing to a bundle', async (name) => {
  const program = `import 'twinkey${name && `/${name}`}'`
  expect(await sizeOf(program)).toBe(await sizeOf(''))
  expect(await sizeOf(program.replace('import', 'export * from'))).toBeGreaterThan(200)
})
