import { writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createTwinkey, type KeyStore } from 'twinkey'
import { postgresStore } from 'twinkey/stores/postgres'
import { redisStore } from 'twinkey/stores/redis'
import { type SqliteDatabase, sqliteStore } from 'twinkey/stores/sqlite'

// An application that is going to be killed: it creates, rotates, regenerates and revokes keys
// without end, and says before and after each what it does. A program of its own, handed where the
// store is, by which driver, and a name that all of its keys have.

export type Driver = 'pg' | 'node-redis' | 'node:sqlite' | '@libsql/client'
export const KINDS = ['create', 'rotate', 'regenerate', 'revoke'] as const

/** What is going to be done. */
export type Intent =
  | { readonly kind: 'create'; readonly name: string; readonly secondary: boolean }
  | { readonly kind: 'rotate'; readonly id: string }
  | { readonly kind: 'revoke'; readonly id: string }
  | { readonly kind: 'regenerate'; readonly id: string; readonly slot: 'primary' | 'secondary' }

/**
 * What was done, with the ids of the secrets that stand in the slots then, and the secrets that
 * were shown.
 */
export interface Done {
  readonly id: string
  readonly primary: string
  readonly secondary: string | null
  readonly shown: Readonly<Record<string, string>>
}

const [driver, place, name] = process.argv.slice(2) as [Driver, string, string]

// Only what is needed is loaded, so that it starts at once.
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

// Where nobody is left to kill it, it ends by itself.
process.stdin.on('end', () => process.exit()).resume()

// However busy the machine is, a write is killed and does not give up.
const { keys } = createTwinkey({ store: await open(), deadlineSeconds: 60 })
// The keys that are not revoked, and whether each has twins, which are regenerated, or one secret,
// which is rotated.
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
        scope: { tenants: [name] },
        secondary: intent.secondary,
      })
      live.push({ id: key.id, secondary: intent.secondary })
      return { key, shown: { primary, ...(secondary === null ? {} : { secondary }) } }
    }
    case 'rotate': {
      const { key, secret } = await keys.rotate(intent.id, { replace: 'secondary' })
      return { key, shown: { primary: secret } }
    }
    case 'regenerate': {
      const { key, secret } = await keys.regenerate(intent.id, intent.slot)
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

// Synchronously, so that what was said before the process is killed has been said.
const say = (word: Intent | Done) => void writeSync(1, `${JSON.stringify(word)}\n`)

for (let step = 0; ; step++) {
  const intent = next(step)
  say(intent)
  say(await perform(intent))
}
