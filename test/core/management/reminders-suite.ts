import { PGlite } from '@electric-sql/pglite'
import { createTwinkey, expiring, type KeyStore, memoryStore, unused } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { describe, expect, it } from 'vitest'
import { createClock } from '../../support/clock.ts'
import { seeded } from '../../support/racing-store.ts'
import { openRedis, startRedis } from '../../support/redis.ts'
import { withBed } from '../../support/sqlite.ts'

export const SCOPE = { tenants: ['acme'], workflows: ['read'] }
const HOUR = 3_600_000
export const DAY = 24 * HOUR
const THRESHOLDS = [14 * 86_400, 3 * 86_400, 3600, 0]

export async function allOf<T>(found: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const each of found) all.push(each)
  return all
}

type WithStore = (use: (store: KeyStore) => Promise<void>) => Promise<void>

const STORES = {
  memory: (use) => use(memoryStore()),
  SQLite: (use) =>
    withBed('@libsql/client', async (bed) => {
      const store = sqliteStore((await bed.open()).database)
      await store.migrate()
      await use(store)
    }),
  PostgreSQL: async (use) => {
    const database = new PGlite()
    const store = postgresStore(database)
    await store.migrate()
    await use(store)
    await database.close()
  },
  Redis: async (use) => {
    const server = await startRedis()
    const { client, close } = await openRedis('node-redis', server)
    await use(redisStore(client))
    await close()
    await server.stop()
  },
} satisfies Record<string, WithStore>

/** Reminders over all keys of a store, in each of these stores. */
export function describeReminders(names: readonly (keyof typeof STORES)[]): void {
  describe.each(names)('in %s', (name) => {
    const withStore: WithStore = STORES[name]

    // 150 keys are two pages.
    it('runs at random times report every end once for each threshold, and no other', () =>
      withStore(async (store) => {
        const random = seeded(7)
        const clock = createClock()
        const { keys } = createTwinkey({ store, now: clock.now })
        const start = clock.now()
        const expected = new Map<string, number>()
        const expectEnd = (id: string, endsAt: number, setAt: number) => {
          for (const seconds of THRESHOLDS) {
            const dueAt = endsAt - seconds * 1000
            if (dueAt >= setAt) expected.set(`${id} ${endsAt} ${seconds}`, dueAt)
          }
        }
        for (let i = 0; i < 150; i++) {
          const end = start + Math.floor(random() * 40 * DAY)
          const expiresAt = i % 3 === 0 ? null : end + 1
          const { key } = await keys.create({
            name: `${i}`,
            scope: SCOPE,
            expiresAt,
            secondary: false,
          })
          if (expiresAt !== null) expectEnd(`${key.id} null`, expiresAt, start)
          if (i % 5 === 0) {
            const graceSeconds = 60 + Math.floor(random() * 30 * 86_400)
            const { key: rotated } = await keys.rotate(key.id, { graceSeconds })
            const endsAt = rotated.secondary?.expiresAt as number
            if (expiresAt === null || endsAt < expiresAt)
              expectEnd(`${key.id} secondary`, endsAt, start)
          }
        }
        const reported: string[] = []
        let last = start
        while (last < start + 50 * DAY) {
          clock.advance(1 + Math.floor(random() ** 3 * 15 * DAY))
          const period = { from: last, to: clock.now() }
          for (const each of await allOf(
            expiring(keys, { ...period, secondsBefore: THRESHOLDS }),
          )) {
            reported.push(`${each.key.id} ${each.slot} ${each.endsAt} ${each.secondsBefore}`)
            const dueAt = each.endsAt - each.secondsBefore * 1000
            expect(dueAt >= period.from && dueAt < period.to).toBe(true)
          }
          last = period.to
        }
        const due = [...expected].filter(([, at]) => at < last).map(([name]) => name)
        expect(due.length).toBeGreaterThan(150)
        expect(reported.sort()).toEqual(due.sort())
      }))

    it('keys that end are found by their end alone, with of: keys', () =>
      withStore(async (store) => {
        const clock = createClock()
        const { keys } = createTwinkey({ store, now: clock.now })
        const from = clock.now()
        const ids: string[] = []
        for (let i = 0; i < 120; i++) {
          const expiresAt = i % 2 ? from + DAY + i : null
          const { key } = await keys.create({ name: `${i}`, scope: SCOPE, expiresAt })
          if (expiresAt !== null) ids.push(key.id)
        }
        const input = { from, to: from + HOUR, secondsBefore: [86_400], of: 'keys' } as const
        const found = await allOf(expiring(keys, input))
        expect(found.map(({ key }) => key.id).sort()).toEqual(ids.sort())
      }))

    it('a key is reported once when nobody used it for long, and again only after it was used', () =>
      withStore(async (store) => {
        const clock = createClock()
        const twinkey = createTwinkey({ store, now: clock.now })
        const { keys } = twinkey
        const idle = await keys.create({ name: 'idle', scope: SCOPE })
        const used = await keys.create({ name: 'used', scope: SCOPE })
        const disabled = await keys.create({ name: 'disabled', scope: SCOPE })
        await keys.disable(disabled.key.id)
        const reports: [name: string, day: number][] = []
        let from = clock.now()
        for (let day = 1; day <= 100; day++) {
          clock.advance(DAY)
          if (day % 20 === 0 && day < 60) {
            const headers = { authorization: `Bearer ${used.primary}` }
            await twinkey.authenticate(new Request('http://x/', { headers }), { anyTarget: true })
            await twinkey.flush()
          }
          if (day === 50) await keys.renew(idle.key.id, { slots: 'secondary' })
          const to = clock.now() + 1
          for (const { key } of await allOf(unused(keys, { from, to, afterSeconds: 30 * 86_400 })))
            reports.push([key.name, day])
          from = to
        }
        expect(reports).toEqual([
          ['idle', 30],
          ['used', 70],
          ['idle', 80],
        ])
        await twinkey.close()
      }))
  })
}
