import { createClient as createLibsql } from '@libsql/client'
import pg from 'pg'
import { createClient as createRedis } from 'redis'
import { createTwinkey, type KeyStore } from 'twinkey'
import type { Address } from './backend.ts'
import { idsOf } from './kill-account.ts'

const STATES = ['active', 'disabled', 'revoked'] as const

/** The number of records, and how many of them a list by owner, tenant or state misses. */
export async function unlistedIn(
  address: Address,
  store: KeyStore,
): Promise<{ records: number; unlisted: number }> {
  const { keys, close } = createTwinkey({ store })
  const ids = await recordIds(address)
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
  return { records: ids.length, unlisted }
}

// Bypasses the store: all records, listed or not.
async function recordIds(address: Address): Promise<string[]> {
  if (address.kind === 'redis') {
    const client = createRedis({ url: address.url })
    await client.connect()
    const ids: string[] = []
    for await (const names of client.scanIterator({ MATCH: 'twinkey:{*}', COUNT: 1000 }))
      ids.push(...names.map((name) => name.slice(9, -1)))
    client.destroy()
    return [...new Set(ids)]
  }
  const sql = 'select id from twinkey_keys'
  if (address.kind === 'postgres') {
    const client = new pg.Client({ connectionString: address.url })
    await client.connect()
    const { rows } = await client.query<{ id: string }>(sql)
    await client.end()
    return rows.map(({ id }) => id)
  }
  const client = createLibsql({ url: `file:${address.file}` })
  const { rows } = await client.execute(sql)
  client.close()
  return rows.map(({ id }) => String(id))
}
