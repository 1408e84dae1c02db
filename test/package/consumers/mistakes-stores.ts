// What must not compile of stores, the verifier, profiles and the contract. It is never run, like
// mistakes.ts.
import { createTwinkey, type KeyStore, memoryStore, type SecretUse, type StoredKey } from 'twinkey'
import { requireAuth } from 'twinkey/express'
import { flare, standard } from 'twinkey/profiles'
import { type PostgresClient, postgresMigrations, postgresStore } from 'twinkey/stores/postgres'
import { type NodeRedisClient, redisStore } from 'twinkey/stores/redis'
import { type SqliteDatabase, sqliteStore } from 'twinkey/stores/sqlite'
import { createTestClock, storeContract } from 'twinkey/testing'
import { createVerifier } from 'twinkey/verifier'

declare const pool: PostgresClient
declare const redis: NodeRedisClient
declare const database: SqliteDatabase

// @ts-expect-error: a URL is no client
postgresStore('postgres://localhost/app')
// @ts-expect-error: an option of another store
postgresStore(pool, { prefix: 'acme' })
// @ts-expect-error: a connection is made anew, so a function is asked for
postgresStore(pool, { listen: pool })
// @ts-expect-error: a pool is no connection to listen on
postgresStore(pool, { listen: () => pool })
// @ts-expect-error: migrations are asked for by names, not by a client
postgresMigrations(pool)
// @ts-expect-error: a store is no list of migrations
postgresStore(pool).migrations
// @ts-expect-error: an option of another store
redisStore(redis, { tablePrefix: 'acme' })
// @ts-expect-error: a connection is made anew, so a function is asked for
redisStore(redis, { subscriber: redis })
// @ts-expect-error: Redis has no tables to migrate
redisStore(redis).migrate()
// @ts-expect-error: a client of another database
redisStore(database)
// @ts-expect-error: SQLite tells of no changes
sqliteStore(database, { listen: () => database })
// @ts-expect-error: a path is no database
sqliteStore('keys.db')
// @ts-expect-error: there is nothing to set
memoryStore({ maxKeys: 5 })
// @ts-expect-error: a store has more methods
createTwinkey({ store: { get: async () => undefined } })
// @ts-expect-error: a store answers promises
createTwinkey({ store: { ...memoryStore(), get: () => undefined } })
// @ts-expect-error: an outcome that does not exist
createTwinkey({ store: { ...memoryStore(), put: async () => true } })

/** What a store of one's own is handed cannot be changed, and is a key or an alias. */
export async function ofOnesOwn(store: KeyStore, record: StoredKey, use: SecretUse): Promise<void> {
  // @ts-expect-error: whether it is there is told by the expected version
  await store.put(record)
  // @ts-expect-error: a delete is a compare-and-delete
  await store.delete(record.id)
  // @ts-expect-error: a page has a limit
  await store.list({})
  // @ts-expect-error: records are never changed in place
  record.version = 1
  // @ts-expect-error: an alias has no name
  record.name
  // @ts-expect-error: uses are kept as they are told
  use.usedAt = 0
  // @ts-expect-error: a store may have no feed
  await store.watch(() => {})
}

const from = {
  jwks: 'https://api.example/tokens/jwks.json',
  issuer: 'https://api.example',
  audience: 'https://api.example',
}
const verifier = createVerifier(from)
// @ts-expect-error: an audience is asked for
createVerifier({ jwks: from.jwks, issuer: from.issuer })
// @ts-expect-error: one issuer
createVerifier({ ...from, issuer: ['https://api.example'] })
// @ts-expect-error: a verifier has no store
createVerifier({ ...from, store: memoryStore() })
// @ts-expect-error: the unit is in the name
createVerifier({ ...from, skew: 30 })
// @ts-expect-error: a verifier manages no keys
verifier.keys
// @ts-expect-error: an unknown member of a requirement
requireAuth(verifier, { role: 'admin' })
void verifier.verify('token').then((decision) => {
  // @ts-expect-error: before `ok` is looked at, there may be no principal
  decision.principal
  return decision.ok && decision.principal.keyId
})

// @ts-expect-error: the standard profile has nothing to set
standard({ header: 'X-Key' })
// @ts-expect-error: a profile has more methods
requireAuth(verifier, { profile: { name: 'own', credential: standard().credential } })
// @ts-expect-error: an option that does not exist
flare({ users: [] })

// @ts-expect-error: the contract opens stores by itself
void storeContract[0]?.run(memoryStore())
// @ts-expect-error: a clock is turned by a number of milliseconds
createTestClock().advance('1s')
