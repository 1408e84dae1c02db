import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createTwinkey, type KeyStore } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { type SqliteDatabase, sqliteStore } from 'twinkey/stores/sqlite'

// An application that will be killed. It creates, rotates, regenerates and revokes keys without
// end, and logs each change before and after. Its arguments are the address of the store, the
// driver, and a name that all its keys share.

export type Driver = 'pg' | 'node-redis' | 'node:sqlite' | '@libsql/client'
export const KINDS = ['create', 'rotate', 'regenerate', 'revoke'] as const

/** The next change. */
export type Intent =
  | { readonly kind: 'create'; readonly name: string; readonly secondary: boolean }
  | { readonly kind: 'rotate'; readonly id: string }
  | { readonly kind: 'revoke'; readonly id: string }
  | { readonly kind: 'regenerate'; readonly id: string; readonly slot: 'primary' | 'secondary' }

/** A completed change, with the ids of the secrets in both slots, and the returned secrets. */
export interface Done {
  readonly id: string
  readonly primary: string
  readonly secondary: string | null
  readonly shown: Readonly<Record<string, string>>
}

const [driver, place, name] = process.argv.slice(2) as [Driver, string, string]

// Loads only the needed driver, to start quickly.
async function open(): Promise<KeyStore> {
  switch (driver) {
    case 'pg': {
      const { default: pg } = await import('pg')
      return postgresStore(new pg.Pool({ connectionString: place, max: 1 }).on('error', () => {}))
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
const { keys } = createTwinkey({ store: await open(), deadlineSeconds: 60 })
// The keys that are not revoked. A key with two secrets is regenerated, one with a single secret is
// rotated.
const live: { readonly id: string; readonly secondary: boolean }[] = []
const any = <T>(list: readonly T[]): T | undefined => list[Math.floor(Math.random() * list.length)]

function next(step: number): Intent {
  const kind = any(KINDS)
  const key = any(
    kind === 'revoke'
      ? live
      : live.filter(({ secondary }) => secondary === (kind === 'regenerate')),
  )
  if (key === undefined || kind === undefined || kind === 'create')
    return { kind: 'create', name: `${name}.${step}`, secondary: step % 2 === 0 }
  return kind === 'regenerate'
    ? { kind, id: key.id, slot: any(['primary', 'secondary'] as const) ?? 'primary' }
    : { kind, id: key.id }
}

async function perform(intent: Intent): Promise<Done> {
  const { key, shown } = await performed(intent)
  const { id, primary, secondary } = key
  return { id, primary: primary.id, secondary: secondary?.id ?? null, shown }
}

async function performed(intent: Intent) {
  switch (intent.kind) {
    case 'create': {
      const { key, primary, secondary } = await keys.create({
        name: intent.name,
        owner: name,
        scope: { tenants: [name], workflows: '*' },
        secondary: intent.secondary,
      })
      live.push({ id: key.id, secondary: intent.secondary })
      return { key, shown: { primary, ...(secondary === null ? {} : { secondary }) } }
    }
    case 'rotate': {
      const { key, primary: secret } = await keys.rotate(intent.id, { replace: 'secondary' })
      return { key, shown: { primary: secret } }
    }
    case 'regenerate': {
      const { key, secret } = await keys.renew(intent.id, { slots: intent.slot })
      return { key, shown: { [intent.slot]: secret } }
    }
    case 'revoke': {
      live.splice(
        live.findIndex(({ id }) => id === intent.id),
        1,
      )
      return { key: await keys.revoke(intent.id), shown: {} }
    }
  }
}

// Synchronous, so that the line is complete before the process is killed.
const say = (word: Intent | Done) => void writeSync(1, `${JSON.stringify(word)}\n`)

for (let step = 0; ; step++) {
  const intent = next(step)
  say(intent)
  say(await perform(intent))
}
