import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seen } from './expect.ts'
import { createFixture, type Fixture } from './fixture.ts'
import { allHosts, type Host, sendTo } from './hosts.ts'
import { standardRoutes } from './routes.ts'
import { standardTable } from './standard-table.ts'

describe.each(Object.entries(allHosts))('the standard profile on %s', (_name, start) => {
  let fixture: Fixture
  let host: Host

  beforeAll(async () => {
    fixture = await createFixture()
    host = await start(fixture.twinkey, { routes: standardRoutes, tokens: {} })
  })
  afterAll(async () => {
    await host.close()
    await fixture.twinkey.close()
  })

  test.each(standardTable)('$name', async ({ request, expected, at = 0 }) => {
    fixture.clock.advance(at)
    try {
      // Twice: the first answer may come from the store, the second from the cache.
      for (const _ of ['cold', 'warm']) {
        const response = await sendTo(host, request(fixture))
        expect(seen(response, expected)).toEqual(expected)
      }
    } finally {
      fixture.clock.advance(-at)
    }
  })
})
