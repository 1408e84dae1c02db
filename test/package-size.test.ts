import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { sizeBeyondCore, sizeOf, sizeOfCore } from './bench/sizes.mjs'

// Bytes of what is built, bundled for Node, minified, gzip, without dependencies. An adapter or a store is used beside createTwinkey, so it is
// measured by what it adds to that. The budgets are a little above what has been reached: whoever needs more raises one, and says why.
const CORE_BUDGET = 23_250
const GUARD_BUDGET = 1200
const STORE_BUDGET = 3000
const BUDGETS_BEYOND_CORE = {
  express: 2500,
  fastify: 2550,
  hono: 2950,
  web: 2350,
  profiles: 1500,
  'stores/memory': 100,
  'stores/postgres': STORE_BUDGET,
  'stores/redis': STORE_BUDGET,
  'stores/sqlite': STORE_BUDGET,
  verifier: 1900,
  testing: 3900,
}

const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const subpaths = Object.keys(exports).flatMap((name) => (name === './package.json' ? [] : [name.slice(2)]))

test('every subpath has a budget', () => {
  expect(subpaths.filter((name) => name !== '').sort()).toEqual(Object.keys(BUDGETS_BEYOND_CORE).sort())
})

describe('the size', () => {
  test('of createTwinkey is within its budget, and so is that of everything beside it', async () => {
    expect(await sizeOfCore()).toBeLessThanOrEqual(CORE_BUDGET)
    expect(await sizeBeyondCore("export * from 'twinkey'")).toBeLessThanOrEqual(1000)
  })

  test('of a service that only verifies is that of two fifths of it', async () => {
    expect(await sizeOf("export * from 'twinkey/verifier'")).toBeLessThanOrEqual(9350)
  })

  test.each(['express', 'fastify', 'hono', 'web'])('of the guard of %s is within its budget', async (name) => {
    expect(await sizeBeyondCore(`export { requireAuth } from 'twinkey/${name}'`)).toBeLessThanOrEqual(GUARD_BUDGET)
  })

  test.each(Object.entries(BUDGETS_BEYOND_CORE))('of all of %s is within %i bytes', async (name, budget) => {
    const size = await sizeBeyondCore(`export * from 'twinkey/${name}'`)
    expect(size).toBeLessThanOrEqual(budget)
    expect(size).toBeGreaterThan(0)
  })
})

test.each(subpaths)('nothing is left of %j where nothing of it is used', async (name) => {
  const program = `import 'twinkey${name && `/${name}`}'`
  expect(await sizeOf(program)).toBe(await sizeOf(''))
  expect(await sizeOf(program.replace('import', 'export * from'))).toBeGreaterThan(200)
})
