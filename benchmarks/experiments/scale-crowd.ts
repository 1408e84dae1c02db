import pg from 'pg'
import { createClient } from 'redis'
import type { KeyStore } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { startPostgres } from '../../test/support/postgres.ts'
import { startRedis } from '../../test/support/redis.ts'
import { copyOf, type Original, originalIn, renamed } from './scale-copy.ts'

const BATCH = 5000

/** A store with many keys. Each key has one used secret. */
export interface Crowd {
  readonly store: KeyStore
  /** The ids of its keys, by number. */
  readonly ids: readonly string[]
  /** Bytes for one key, with indexes and last use. */
  readonly bytesPerKey: number
}

/** A server that holds several crowds. */
export interface Ground {
  /** Makes keys: the store writes the first, the others are copied directly into the database. */
  gather(keys: number, told: (done: number) => void): Promise<Crowd>
  stop(): Promise<void>
}

export async function postgresGround(): Promise<Ground> {
  const server = await startPostgres({ config: { max_wal_size: '8GB' } })
  const pool = new pg.Pool({ connectionString: server.url, max: 2 }).on('error', () => {})
  return {
    async gather(keys, told) {
      const tablePrefix = `of_${keys}`
      const tables = ['keys', 'keys_by_label', 'uses'].map((name) => `${tablePrefix}_${name}`)
      const store = postgresStore(pool, { tablePrefix })
      await store.migrate()
      const original = await originalIn(store)
      const { rows: written } = await pool.query<{ text: string }>(
        `select record::text as text from ${tables[0]}`,
      )
      requireSame(written[0]?.text, original)
      const labels = (
        await pool.query<{ label: string }>(`select label from ${tables[1]}`)
      ).rows.map(({ label }) => label)
      const ids = await inBatches(keys, original, told, async (copies) => {
        const rows = copies.map((copy) => ({
          id: copy.record.id,
          version: copy.record.version,
          record: copy.text,
          labels: labels.map((label) => renamed(label, original, copy)),
          at: copy.record.createdAt,
          secret: copy.record.primary.id,
        }))
        const read = `with row as (select * from json_to_recordset($1) as r(id text, version bigint, record text, labels json, at bigint, secret text))`
        const sql = `${read}, k as (insert into ${tables[0]} select id, version, record::json from row), l as (insert into ${tables[1]} select json_array_elements_text(labels), at, id from row) insert into ${tables[2]} select id, secret, $2 from row`
        await pool.query(sql, [JSON.stringify(rows), Date.now()])
      })
      for (const table of tables) await pool.query(`vacuum analyze ${table}`)
      const { rows } = await pool.query<{ bytes: string }>(
        `select sum(pg_total_relation_size(t::regclass)) as bytes from unnest($1::text[]) t`,
        [tables],
      )
      return { store, ids, bytesPerKey: Math.round(Number(rows[0]?.bytes) / keys) }
    },
    async stop() {
      await pool.end()
      await server.stop()
    },
  }
}

export async function redisGround(): Promise<Ground> {
  const server = await startRedis()
  const client = createClient({ url: server.url }).on('error', () => {})
  await client.connect()
  const used = async () => Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1])
  return {
    async gather(keys, told) {
      const prefix = `of${keys}`
      const store = redisStore(client, { prefix })
      const before = await used()
      const original = await originalIn(store)
      const slot = (of: Original) => `${prefix}:{${of.record.id}}`
      const written = await client.hGetAll(slot(original))
      requireSame(written['record'], original)
      const indexes: string[] = []
      for await (const names of client.scanIterator({ MATCH: `${prefix}:index:*` }))
        indexes.push(...names)
      const ids = await inBatches(keys, original, told, async (copies) => {
        const batch = client.multi()
        const entries = new Map<string, { score: number; value: string }[]>()
        for (const copy of copies) {
          const write = crypto.randomUUID()
          const at = String(copy.record.createdAt).padStart(16, '0')
          for (const index of indexes) {
            const name = renamed(index, original, copy)
            const members = entries.get(name) ?? []
            entries.set(name, members)
            members.push({ score: 0, value: `${at} ${copy.record.id} ${write}` })
          }
          const { version, primary } = copy.record
          batch.hSet(slot(copy), {
            ...written,
            version: `v${version}`,
            write,
            record: copy.text,
            [`use:${primary.id}`]: String(Date.now()),
          })
        }
        for (const [name, members] of entries) batch.zAdd(name, members)
        await batch.execAsPipeline()
      })
      return { store, ids, bytesPerKey: Math.round(((await used()) - before) / keys) }
    },
    async stop() {
      client.destroy()
      await server.stop()
    },
  }
}

async function inBatches(
  keys: number,
  original: Original,
  told: (done: number) => void,
  write: (copies: readonly Original[]) => Promise<void>,
): Promise<string[]> {
  const ids = [original.record.id]
  while (ids.length < keys) {
    const copies = Array.from({ length: Math.min(BATCH, keys - ids.length) }, (_, i) =>
      copyOf(original, ids.length + i),
    )
    await write(copies)
    ids.push(...copies.map(({ record }) => record.id))
    if (ids.length % 100_000 < BATCH) told(ids.length)
  }
  return ids
}

// The copied text must be exactly what the store wrote.
function requireSame(written: string | undefined, { text }: Original): void {
  if (written !== text) throw new Error(`the store has written ${written} and not ${text}`)
}
