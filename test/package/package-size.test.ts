import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sizeBeyondCore, sizeOf, sizeOfCore } from '../../benchmarks/speed/sizes.mjs'

// Bytes of what is built, bundled for Node, minified, gzip, without dependencies. An adapter or a
// store is used beside createTwinkey, so it is measured by what it adds to that. The budgets are a
// little above what has been reached: whoever needs more raises one, and says why. Of the core, 2.7
// kB check that signing keys prove something, and 1 kB copies what is handed in before it is
// checked.
const CORE_BUDGET = 29_200
// Express tells no template of a mount, so the guard finds it by itself. All guards but that of
// plain handlers end an answer when the request has arrived.
const GUARD_BUDGETS = { express: 3400, fastify: 2250, hono: 3050, web: 1300 }
const BUDGETS_BEYOND_CORE = {
  express: 5450,
  fastify: 4400,
  hono: 5150,
  web: 3200,
  profiles: 1650,
  'stores/memory': 100,
  // Most of it are messages that tell a refused statement from one whose outcome is unknown.
  'stores/postgres': 4250,
  'stores/redis': 3300,
  'stores/sqlite': 3000,
  verifier: 1980,
  testing: 3900,
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
  test('of createTwinkey is within its budget, and so is that of everything beside it', async () => {
    expect(await sizeOfCore()).toBeLessThanOrEqual(CORE_BUDGET)
    expect(await sizeBeyondCore("export * from 'twinkey'")).toBeLessThanOrEqual(1750)
  })

  test('of a service that only verifies is that of two fifths of it', async () => {
    expect(await sizeOf("export * from 'twinkey/verifier'")).toBeLessThanOrEqual(12_900)
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

test.each(subpaths)('nothing is left of %j where nothing of it is used', async (name) => {
  const program = `import 'twinkey${name && `/${name}`}'`
  expect(await sizeOf(program)).toBe(await sizeOf(''))
  expect(await sizeOf(program.replace('import', 'export * from'))).toBeGreaterThan(200)
})
