import pg from 'pg'
import { createTwinkey, type KeyStore, type Twinkey } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClock } from '../../support/clock.ts'
import { settled } from '../../support/gate.ts'
import { createPool, type PostgresServer, startPostgres } from '../../support/postgres.ts'
import { createLeaks, createSigner, type KeyServer, matchOf, startKeyServer } from './scene.ts'

// Two nodes over one PostgreSQL: the report arrives at one, and the other has the key cached.

const SCOPE = { tenants: ['acme'], workflows: ['read'] }
const signer = createSigner()
let keyServer: KeyServer
let postgres: PostgresServer
beforeAll(async () => {
  ;[keyServer, postgres] = await Promise.all([startKeyServer(signer.listed), startPostgres()])
})
afterAll(() => Promise.all([keyServer.close(), postgres.stop()]))

async function openNodes(options: { readonly feed: boolean }) {
  const clock = createClock()
  const pools = [createPool(postgres.url), createPool(postgres.url)]
  const listen = options.feed ? () => new pg.Client({ connectionString: postgres.url }) : undefined
  const stores = pools.map((pool) => postgresStore(pool, { listen }))
  await stores[0]?.migrate()
  const listening: Promise<unknown>[] = []
  const [one, two] = stores.map((store) => {
    const { watch, ...unwatched } = store
    const watched: KeyStore['watch'] = (changed, failed) => {
      const begun = Promise.resolve(watch?.(changed, failed))
      listening.push(begun)
      return begun as never
    }
    const used: KeyStore = watch === undefined ? unwatched : { ...unwatched, watch: watched }
    return createTwinkey({ store: used, now: clock.now, cache: { maxAgeSeconds: 5 } })
  }) as [Twinkey, Twinkey]
  await settled()
  await Promise.all(listening)
  expect(listening).toHaveLength(options.feed ? 2 : 0)
  const { key, primary } = await one.keys.create({ name: 'shop', scope: SCOPE })
  const works = async () => {
    const request = new Request('http://localhost/', {
      headers: { authorization: `Bearer ${primary}` },
    })
    return (await two.authenticate(request, { anyTarget: true })).ok
  }
  const close = async () => {
    await Promise.all([one.close(), two.close()])
    await Promise.all(pools.map((pool) => pool.end()))
  }
  return { clock, one, two, key, primary, works, close }
}

it('with a change feed, the other node refuses a leaked secret without the clock moving', async () => {
  const { one, primary, works, close } = await openNodes({ feed: true })
  expect(await works()).toBe(true)
  const { report } = createLeaks(one, keyServer, signer)
  expect((await report(matchOf(primary))).status).toBe(200)
  await expect.poll(works, { timeout: 4_500 }).toBe(false)
  await close()
})

it('without a feed, the other node refuses it once its cache is 5 seconds old', async () => {
  const { clock, one, primary, works, close } = await openNodes({ feed: false })
  expect(await works()).toBe(true)
  const { report } = createLeaks(one, keyServer, signer)
  expect((await report(matchOf(primary))).status).toBe(200)
  expect(await works()).toBe(true)
  clock.advance(5_000)
  expect(await works()).toBe(false)
  await close()
})
