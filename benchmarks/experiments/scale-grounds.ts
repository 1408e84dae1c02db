import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient as createLibsql } from '@libsql/client'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { createClient } from 'redis'
import { labelsOf } from 'twinkey/store'
import { mysqlStore } from 'twinkey/stores/mysql'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { sqliteStore } from 'twinkey/stores/sqlite'
import { startMariadb } from '../../test/support/mariadb.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { startRedis } from '../../test/support/redis.ts'
import type { Original } from './scale-copy.ts'
import { type Ground, gather } from './scale-crowd.ts'

export async function postgresGround(): Promise<Ground> {
  const config = {
    max_wal_size: '8GB',
    fsync: 'on',
    shared_buffers: '2GB',
    maintenance_work_mem: '1GB',
    synchronous_commit: 'off',
  }
  const server = await startPostgres({ config })
  const connect = { connectionString: server.url }
  const pool = new pg.Pool({ ...connect, max: 2 }).on('error', () => {})
  // References need no checks here, which would take most of the time.
  const filler = new pg.Client(connect)
  await filler.connect()
  await filler.query('set session_replication_role = replica')
  return {
    async gather(keys, told) {
      const tablePrefix = `of_${keys}`
      const tables = ['keys', 'keys_by_label', 'uses'].map((name) => `${tablePrefix}_${name}`)
      const store = postgresStore(pool, { tablePrefix })
      await store.migrate()
      const filling = {
        store,
        async written() {
          const sql = `select record::text as text from ${tables[0]}`
          return (await pool.query<{ text: string }>(sql)).rows[0]?.text
        },
        async write(copies: readonly Original[]) {
          const rows = copies.map(({ record, text }) => ({
            id: record.id,
            version: record.version,
            record: text,
            labels: labelsOf(record),
            at: record.createdAt,
            secret: record.primary.id,
            used: record.lastUsedAt[record.primary.id],
          }))
          const read = `with row as (select * from json_to_recordset($1) as r(id text, version bigint, record text, labels json, at bigint, secret text, used bigint))`
          const sql = `${read}, k as (insert into ${tables[0]} select id, version, record::json from row), l as (insert into ${tables[1]} select json_array_elements_text(labels), at, id from row) insert into ${tables[2]} select id, secret, used from row`
          await filler.query(sql, [JSON.stringify(rows)])
        },
        async finish() {
          for (const table of tables) await pool.query(`vacuum analyze ${table}`)
          const sql = `select sum(pg_total_relation_size(t::regclass)) as bytes from unnest($1::text[]) t`
          return Number((await pool.query<{ bytes: string }>(sql, [tables])).rows[0]?.bytes)
        },
      }
      return gather(filling, keys, told)
    },
    async stop() {
      await filler.end()
      await pool.end()
      await server.stop()
    },
  }
}

export async function mysqlGround(): Promise<Ground> {
  const config = {
    innodb_buffer_pool_size: '6G',
    innodb_log_file_size: '2G',
    innodb_flush_log_at_trx_commit: '2',
  }
  const server = await startMariadb({ config })
  const pool = mysql.createPool({ uri: server.url, connectionLimit: 2 })
  const filler = await mysql.createConnection({ uri: server.url, stringifyObjects: true })
  await filler.query('set foreign_key_checks = 0, unique_checks = 0')
  return {
    async gather(keys, told) {
      const tablePrefix = `of_${keys}`
      const tables = ['keys', 'keys_by_label', 'uses'].map((name) => `${tablePrefix}_${name}`)
      const store = mysqlStore(pool, { tablePrefix })
      await store.migrate()
      const filling = {
        store,
        async written() {
          const [rows] = await pool.query(`select record from ${tables[0]}`)
          return (rows as { record: string }[])[0]?.record
        },
        async write(copies: readonly Original[]) {
          await filler.beginTransaction()
          for (let from = 0; from < copies.length; from += 1000) {
            const some = copies.slice(from, from + 1000)
            const rows = [
              some.map(({ record, text }) => [record.id, record.version, text]),
              some.flatMap(({ record }) =>
                labelsOf(record).map((label) => [label, record.createdAt, record.id]),
              ),
              some.map(({ record: { id, primary, lastUsedAt } }) => [
                id,
                primary.id,
                lastUsedAt[primary.id],
              ]),
            ]
            for (const [i, table] of tables.entries())
              await filler.query(`insert into ${table} values ?`, [rows[i]])
          }
          await filler.commit()
        },
        async finish() {
          for (const table of tables) await pool.query(`analyze table ${table}`)
          const sql =
            'select sum(data_length + index_length) as bytes from information_schema.tables where table_schema = database() and table_name in (?)'
          const [rows] = await pool.query(sql, [tables])
          return Number((rows as { bytes: string }[])[0]?.bytes)
        },
      }
      return gather(filling, keys, told)
    },
    async stop() {
      await filler.end()
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
      const first: Record<string, string> = {}
      const filling = {
        store,
        async written() {
          for await (const names of client.scanIterator({ MATCH: `${prefix}:{*}` }))
            for (const name of names) Object.assign(first, await client.hGetAll(name))
          return first['record']
        },
        async write(copies: readonly Original[]) {
          const batch = client.multi()
          const members = new Map<string, { score: number; value: string }[]>()
          for (const { record, text } of copies) {
            const { id, version, createdAt, primary, lastUsedAt } = record
            const write = crypto.randomUUID()
            const value = `${String(createdAt).padStart(16, '0')} ${id} ${write}`
            for (const label of labelsOf(record)) {
              const name = `${prefix}:index:${encodeURIComponent(label)}`
              const ofLabel = members.get(name) ?? []
              members.set(name, ofLabel)
              ofLabel.push({ score: 0, value })
            }
            batch.hSet(`${prefix}:{${id}}`, {
              version: `v${version}`,
              write,
              record: text,
              [`use:${primary.id}`]: String(lastUsedAt[primary.id]),
            })
          }
          for (const [name, some] of members) batch.zAdd(name, some)
          await batch.execAsPipeline()
        },
        finish: async () => (await used()) - before,
      }
      return gather(filling, keys, told)
    },
    async stop() {
      client.destroy()
      await server.stop()
    },
  }
}

export async function sqliteGround(): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'twinkey-scale-'))
  const closing: (() => void)[] = []
  return {
    async gather(keys, told) {
      const file = join(folder, `of_${keys}.db`)
      const client = createLibsql({ url: `file:${file}` })
      closing.push(() => client.close())
      const store = sqliteStore(client)
      await store.migrate()
      const filling = {
        store,
        async written() {
          return String((await client.execute('select record from twinkey_records')).rows[0]?.[0])
        },
        // A trigger fills the index.
        async write(copies: readonly Original[]) {
          const rows = JSON.stringify(
            copies.map(({ record, text }) => ({
              ...{ id: record.id, version: record.version, at: record.createdAt, record: text },
              ...{ labels: JSON.stringify(labelsOf(record)), secret: record.primary.id },
              used: record.lastUsedAt[record.primary.id],
            })),
          )
          const of = (name: string) => `value ->> '${name}'`
          const columns = ['id', 'version', 'record', 'labels', 'at'].map(of).join(', ')
          await client.batch(
            [
              {
                sql: `insert into twinkey_records (id, version, record, labels, created_at) select ${columns} from json_each(?)`,
                args: [rows],
              },
              {
                sql: `insert into twinkey_uses select ${['id', 'secret', 'used'].map(of).join(', ')} from json_each(?)`,
                args: [rows],
              },
            ],
            'write',
          )
        },
        async finish() {
          await client.execute('pragma wal_checkpoint(truncate)')
          return statSync(file).size
        },
      }
      return gather(filling, keys, told)
    },
    async stop() {
      for (const close of closing) close()
      rmSync(folder, { recursive: true })
    },
  }
}
