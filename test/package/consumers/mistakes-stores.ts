// Stores, the verifier, profiles and the contract: code that must not compile. Like mistakes.ts, it
// is never run.
import { createTwinkey, memoryStore } from 'twinkey'
import { requireAuth } from 'twinkey/express'
import { type FlexibleLimiter, memoryLimiter, rateLimiter } from 'twinkey/limits'
import { flare, standard } from 'twinkey/profiles'
import type { KeyStore, SecretUse, StoredKey } from 'twinkey/store'
import { type MysqlConnection, type MysqlPool, mysqlStore } from 'twinkey/stores/mysql'
import { type PostgresClient, postgresMigrations, postgresStore } from 'twinkey/stores/postgres'
import { type NodeRedisClient, redisStore } from 'twinkey/stores/redis'
import { type SqliteDatabase, sqliteStore } from 'twinkey/stores/sqlite'
import { createTestClock, storeContract } from 'twinkey/testing'
import { createVerifier } from 'twinkey/verifier'

declare const pool: PostgresClient
declare const mysql: MysqlPool
declare const connection: MysqlConnection
declare const redis: NodeRedisClient
declare const database: SqliteDatabase

// @ts-expect-error: a URL is not a client
postgresStore('postgres://localhost/app')
// @ts-expect-error: an option of another store
postgresStore(pool, { prefix: 'acme' })
// @ts-expect-error: a function is required, because it opens a new connection each time
postgresStore(pool, { listen: pool })
// @ts-expect-error: LISTEN requires a connection, not a pool
postgresStore(pool, { listen: () => pool })
// @ts-expect-error: migrations require names, not a client
postgresMigrations(pool)
// @ts-expect-error: a URL is not a pool
mysqlStore('mysql://localhost/app')
// @ts-expect-error: a connection cannot keep two transactions apart
mysqlStore(connection)
// @ts-expect-error: MySQL has no change feed
mysqlStore(mysql, { listen: () => mysql })
// @ts-expect-error: an option of another store
redisStore(redis, { tablePrefix: 'acme' })
// @ts-expect-error: a function is required, because it opens a new connection each time
redisStore(redis, { subscriber: redis })
// @ts-expect-error: Redis has no SQL to print
redisStore(redis).migrations()
// @ts-expect-error: a client of another database
redisStore(database)
// @ts-expect-error: SQLite has no change feed
sqliteStore(database, { listen: () => database })
// @ts-expect-error: a path is not a database
sqliteStore('keys.db')
// @ts-expect-error: memoryStore has no such option
memoryStore({ maxKeys: 5 })
// @ts-expect-error: a store requires more methods
createTwinkey({ store: { get: async () => undefined } })
// @ts-expect-error: a store returns promises
createTwinkey({ store: { ...memoryStore(), get: () => undefined } })
// @ts-expect-error: an outcome that does not exist
createTwinkey({ store: { ...memoryStore(), put: async () => true } })

/** The input of a custom store is read-only, and is a key or an alias. */
export async function ofOnesOwn(store: KeyStore, record: StoredKey, use: SecretUse): Promise<void> {
  // @ts-expect-error: the expected version is required
  await store.put(record)
  // @ts-expect-error: the entry of the history is required
  await store.put(record, 1)
  // @ts-expect-error: the entry of the history is required
  await store.delete(record.id, 1)
  // @ts-expect-error: a limit is required
  await store.list({})
  // @ts-expect-error: records are never changed in place
  record.version = 1
  // @ts-expect-error: an alias has no name
  record.name
  // @ts-expect-error: a use is read-only
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
// @ts-expect-error: an audience is required
createVerifier({ jwks: from.jwks, issuer: from.issuer })
// @ts-expect-error: only one issuer is possible
createVerifier({ ...from, issuer: ['https://api.example'] })
// @ts-expect-error: a verifier has no store
createVerifier({ ...from, store: memoryStore() })
// @ts-expect-error: the unit is part of the name
createVerifier({ ...from, skew: 30 })
// @ts-expect-error: a verifier manages no keys
verifier.keys
// @ts-expect-error: an unknown member of a requirement
requireAuth(verifier, { role: 'admin' })
void verifier.verify('token').then((decision) => {
  // @ts-expect-error: there may be no principal before `ok` is checked
  decision.principal
  return decision.ok && decision.principal.keyId
})

// @ts-expect-error: the standard profile has no options
standard({ header: 'X-Key' })
// @ts-expect-error: a profile requires more methods
requireAuth(verifier, { profile: { name: 'own', credential: standard().credential } })
// @ts-expect-error: an option that does not exist
flare({ users: [] })

// @ts-expect-error: the contract requires a function that opens stores
void storeContract[0]?.run(memoryStore())
// @ts-expect-error: a clock advances by a number of milliseconds
createTestClock().advance('1s')

// rate-limiter-flexible is not installed here.
declare const flexible: FlexibleLimiter
rateLimiter(() => flexible, { onLimiterError: 'refuse' })
// @ts-expect-error: what happens to requests while the limiter fails must be written out
rateLimiter(() => flexible)
// @ts-expect-error: a function creates the limiter
rateLimiter(flexible, { onLimiterError: 'allow' })
// @ts-expect-error: it cannot fail
memoryLimiter({ onLimiterError: 'allow' })
