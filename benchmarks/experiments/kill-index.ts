import { createClient as createLibsql } from '@libsql/client'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { createClient as createRedis } from 'redis'
import { createTwinkey, type KeyStore } from 'twinkey'
import type { Address } from './backend.ts'
import { entriesOf } from './history-account.ts'
import { idsOf } from './kill-account.ts'

const STATES = ['active', 'disabled', 'revoked'] as const

/**
 * The number of records, how many of them a list by owner, tenant or state misses, and how many
 * entries the history does not have exactly once.
 */
export async function unlistedIn(
  address: Address,
  store: KeyStore,
): Promise<{ records: number; unlisted: number; stray: number }> {
  const { keys, close } = createTwinkey({ store })
  const { records: ids, entries } = await idsIn(address)
  const byState = new Set((await Promise.all(STATES.map((state) => idsOf(keys, { state })))).flat())
  const byName = new Map<string, { owned: Set<string>; ofTenant: Set<string> }>()
  let unlisted = 0
  for (const id of ids) {
    const owner = (await keys.get(id))?.owner
    if (typeof owner !== 'string') {
      unlisted++
      continue
    }
    const found = byName.get(owner) ?? {
      owned: new Set(await idsOf(keys, { owner })),
      ofTenant: new Set(await idsOf(keys, { tenant: owner })),
    }
    byName.set(owner, found)
    if (!(byState.has(id) && found.owned.has(id) && found.ofTenant.has(id))) unlisted++
  }
  await close()
  const listed = (await entriesOf(store, {})).map(({ id }) => id)
  const once = new Set(listed)
  const stray = entries.filter((id) => !once.has(id)).length + listed.length - once.size
  return { records: ids.length, unlisted, stray }
}

interface Ids {
  readonly records: string[]
  readonly entries: string[]
}

// Bypasses the store: all records and entries, listed or not.
async function idsIn(address: Address): Promise<Ids> {
  if (address.kind === 'redis') return idsInRedis(address.url)
  const table = address.kind === 'sqlite' ? 'twinkey_records' : 'twinkey_keys'
  const [records, entries] = [`select id from ${table}`, 'select id from twinkey_history']
  if (address.kind === 'postgres') {
    const client = new pg.Client({ connectionString: address.url })
    await client.connect()
    const read = async (sql: string) => (await client.query<{ id: string }>(sql)).rows
    const found = [await read(records), await read(entries)] as const
    await client.end()
    return { records: found[0].map(({ id }) => id), entries: found[1].map(({ id }) => id) }
  }
  if (address.kind === 'mysql') {
    const connection = await mysql.createConnection(address.url)
    const read = async (sql: string) =>
      ((await connection.query(sql))[0] as { id: Buffer }[]).map(({ id }) => id.toString())
    const found = { records: await read(records), entries: await read(entries) }
    await connection.end()
    return found
  }
  const client = createLibsql({ url: `file:${address.file}` })
  const read = async (sql: string) => (await client.execute(sql)).rows.map(({ id }) => String(id))
  const found = { records: await read(records), entries: await read(entries) }
  client.close()
  return found
}

async function idsInRedis(url: string): Promise<Ids> {
  const client = createRedis({ url })
  await client.connect()
  const names = new Set<string>()
  for await (const some of client.scanIterator({ MATCH: 'twinkey:{*', COUNT: 1000 }))
    for (const name of some) names.add(name)
  const entries: string[] = []
  const records: string[] = []
  for (const name of names) {
    if (name.endsWith(':history')) entries.push(...(await client.hKeys(name)))
    else records.push(name.slice(9, -1))
  }
  client.destroy()
  return { records, entries }
}
