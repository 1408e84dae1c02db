import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type ApiKey, createTwinkey, isTwinkeyError, type KeyStore } from 'twinkey'
import { mysqlStore } from 'twinkey/stores/mysql'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { type SqliteDatabase, sqliteStore } from 'twinkey/stores/sqlite'
import { type NotedChange, notingStore } from './history-account.ts'

// An application that will be killed. It creates, rotates, renews, revokes and deletes keys without
// end. It logs each change before and after, and what it sends to the store. Its arguments are the
// address of the store, the driver, and a name that all its keys share.

export type Driver = 'pg' | 'mysql2' | 'node-redis' | 'node:sqlite' | '@libsql/client'
export const KINDS = ['create', 'rotate', 'renew', 'revoke', 'delete'] as const

/** The next change. */
export type Intent =
  | { readonly kind: 'create'; readonly name: string; readonly secondary: boolean }
  | { readonly kind: 'rotate'; readonly id: string }
  | { readonly kind: 'revoke'; readonly id: string }
  | { readonly kind: 'delete'; readonly id: string }
  | { readonly kind: 'renew'; readonly id: string; readonly slot: 'primary' | 'secondary' }

/**
 * A completed change, with the ids of the secrets in both slots, and the returned secrets. A deleted
 * key has none.
 */
export interface Done {
  readonly id: string
  readonly primary: string | null
  readonly secondary: string | null
  readonly shown: Readonly<Record<string, string>>
}

/** A line of the log. */
export type Line = Intent | NotedChange | Done

const [driver, place, name] = process.argv.slice(2) as [Driver, string, string]

// Loads only the needed driver, to start quickly.
async function open(): Promise<KeyStore> {
  switch (driver) {
    case 'pg': {
      const { default: pg } = await import('pg')
      return postgresStore(new pg.Pool({ connectionString: place, max: 1 }).on('error', () => {}))
    }
    case 'mysql2': {
      const { createPool } = await import('mysql2/promise')
      return mysqlStore(createPool({ uri: place, connectionLimit: 1 }))
    }
    case 'node-redis': {
      const { createClient } = await import('redis')
      const client = createClient({ url: place }).on('error', () => {})
      await client.connect()
      return redisStore(client)
    }
    case 'node:sqlite': {
      const { DatabaseSync } = (await import('node:sqlite' as string)) as {
        DatabaseSync: new (path: string) => SqliteDatabase
      }
      return sqliteStore(new DatabaseSync(place))
    }
    case '@libsql/client': {
      const { createClient } = createRequire(import.meta.url)(
        '@libsql/client',
      ) as typeof import('@libsql/client')
      return sqliteStore(createClient({ url: `file:${place}` }))
    }
  }
}

// Ends by itself if its parent is gone.
process.stdin.on('end', () => process.exit()).resume()

// A long deadline: on a busy machine, writes must be killed and not time out.
const { keys } = createTwinkey({
  store: notingStore(await open(), (change) => say(change)),
  deadlineSeconds: 60,
})
// The keys that are neither revoked nor deleted. A key with two secrets is renewed, one with a single
// secret is rotated.
const live: { readonly id: string; readonly secondary: boolean }[] = []
const any = <T>(list: readonly T[]): T | undefined => list[Math.floor(Math.random() * list.length)]

function next(step: number): Intent {
  const kind = any(KINDS)
  const key = any(
    kind === 'revoke' || kind === 'delete'
      ? live
      : live.filter(({ secondary }) => secondary === (kind === 'renew')),
  )
  if (key === undefined || kind === undefined || kind === 'create')
    return { kind: 'create', name: `${name}.${step}`, secondary: step % 2 === 0 }
  return kind === 'renew'
    ? { kind, id: key.id, slot: any(['primary', 'secondary'] as const) ?? 'primary' }
    : { kind, id: key.id }
}

async function perform(intent: Intent): Promise<Done> {
  switch (intent.kind) {
    case 'create': {
      const { key, primary, secondary } = await keys.create({
        name: intent.name,
        owner: name,
        scope: { tenants: [name], workflows: '*' },
        secondary: intent.secondary,
      })
      live.push({ id: key.id, secondary: intent.secondary })
      return done(key, { primary, ...(secondary === null ? {} : { secondary }) })
    }
    case 'rotate': {
      const { key, primary } = await keys.rotate(intent.id, { replace: 'secondary' })
      return done(key, { primary })
    }
    case 'renew': {
      const { slot } = intent
      const { key, ...secrets } = await keys.renew(intent.id, { slots: slot })
      return done(key, { [slot]: secrets[slot] as string })
    }
    case 'revoke': {
      const key = await keys.revoke(intent.id)
      end(intent.id)
      return done(key, {})
    }
    case 'delete': {
      await keys.delete(intent.id)
      end(intent.id)
      return { id: intent.id, primary: null, secondary: null, shown: {} }
    }
  }
}

function done({ id, primary, secondary }: ApiKey, shown: Done['shown']): Done {
  return { id, primary: primary.id, secondary: secondary?.id ?? null, shown }
}

function end(ended: string): void {
  live.splice(
    live.findIndex(({ id }) => id === ended),
    1,
  )
}

// With many writers, SQLite may not get the lock in time. Nothing was written then.
async function performInTheEnd(intent: Intent): Promise<Done> {
  for (;;) {
    try {
      return await perform(intent)
    } catch (error) {
      if (!isTwinkeyError(error) || error.code !== 'store_unavailable') throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

// Synchronous, so that the line is complete before the process is killed.
function say(line: Line): void {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

for (let step = 0; ; step++) {
  const intent = next(step)
  say(intent)
  say(await performInTheEnd(intent))
}
